// Half a minute of fuzzing with a seed of its own each time. `npm run fuzz -- --minutes 60` goes on for longer.
import { expect, it } from 'vitest'
import { readCorpus } from './corpus.ts'
import { Fuzzer, FuzzFailure, replay } from './fuzzer.ts'
import { report } from './report.ts'
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
