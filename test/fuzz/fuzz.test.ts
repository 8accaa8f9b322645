// Fuzzing with seeds that every run shares, so that a change is judged by what it changed. `npm run fuzz` takes fresh ones, for as long
// as it is told to.
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

const SEEDS = ['one', 'two', 'three']
const ROUNDS = 30
const limitMs = 180_000

for (const session of readCorpus()) {
  it(`nothing breaks at ${session.file}: ${session.about.split('\n')[0]}`, async () => {
    await replay(session)
  })
}

it.each(SEEDS)(
  'the broker outlives requests that are wrong in every way (seed %s)',
  { timeout: limitMs },
  async (seed) => {
    const fuzzer = new Fuzzer({ seed, corpus: [...readCorpus(), ...vectorSessions()] })
    try {
      for (let round = 0; round < ROUNDS; round++) await fuzzer.round(round)
    } catch (error) {
      if (error instanceof FuzzFailure) throw new Error(report(error, seed))
      throw error
    }
    expect(fuzzer.frames).toBeGreaterThan(1000)
  },
)

it('the broker outlives the same over real sockets', async () => {
  const cluster = await embeddedCluster()
  const bystander = await cluster.connect()
  const seed = 'sockets'
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
