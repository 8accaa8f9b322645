// Half a minute of fuzzing with a seed of its own each time. `npm run fuzz -- --minutes 60` goes on for longer.
import { expect, it } from 'vitest'
import { servedApis } from '../../src/broker/apis/index.ts'
import { metadata } from '../../src/protocol/messages/metadata.ts'
import { embeddedCluster } from '../broker/embedded-cluster.ts'
import { rawConnection } from '../broker/raw-connection.ts'
import { BatchPool } from './batch-pool.ts'
import { readCorpus } from './corpus.ts'
import { EXPECTED_ERRORS, Fuzzer, FuzzFailure, replay } from './fuzzer.ts'
import { mutate } from './mutation.ts'
import { report } from './report.ts'
import { RequestGrammar } from './request-grammar.ts'
import { SeededRandom } from './seeded-random.ts'
import { vectorSessions } from './vector-sessions.ts'

const SECONDS = Number(process.env['HELIOSTAT_FUZZ_SECONDS'] ?? 30)

for (const session of readCorpus()) {
  it(`nothing breaks at ${session.file}: ${session.about.split('\n')[0]}`, async () => {
    await replay(session)
  })
}

it(
  `the broker outlives ${SECONDS} s of requests that are wrong in every way`,
  async () => {
    const seed = String(Date.now())
    const fuzzer = new Fuzzer({ seed, corpus: [...readCorpus(), ...vectorSessions()] })
    const endsAt = performance.now() + SECONDS * 1000
    try {
      for (let round = 0; performance.now() < endsAt; round++) await fuzzer.round(round)
    } catch (error) {
      if (error instanceof FuzzFailure) throw new Error(report(error, seed))
      throw error
    }
    process.stdout.write(`fuzz: seed ${seed}, ${fuzzer.frames} frames in ${fuzzer.sessions} sessions\n`)
    expect(fuzzer.frames).toBeGreaterThan(1000)
  },
  SECONDS * 1000 + 60_000,
)

it('the broker outlives the same over real sockets', async () => {
  const cluster = await embeddedCluster()
  const bystander = await cluster.connect()
  const seed = String(Date.now())
  const random = new SeededRandom(seed)
  const grammar = new RequestGrammar(random, new BatchPool(random), servedApis)
  for (let session = 0; session < 60; session++) {
    const raw = await rawConnection(cluster)
    for (let sent = 0; sent < 20; sent++) {
      const frame = grammar.frame(sent)
      const bytes = random.chance(0.3) ? mutate(random, frame, grammar.frame(0)) : frame
      const cut = random.below(bytes.length)
      raw.socket.write(bytes.subarray(0, cut))
      raw.socket.write(bytes.subarray(cut))
    }
    const { brokers } = await bystander.send(metadata, { topics: [] })
    expect(brokers).toHaveLength(1)
    raw.socket.destroy()
  }
  const crashes = cluster.logged.filter(({ level, event }) => level === 'error' && !EXPECTED_ERRORS.has(String(event)))
  expect(crashes, `seed ${seed}`).toEqual([])
})
