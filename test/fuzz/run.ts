// `npm run fuzz -- --minutes 60 --seed N`: fuzzes the embedded broker until the time is up or something is found.
//   --frames N      ends after so many frames instead
//   --round N       plays that round of the seed alone
//   --replay FILE   plays a session, of the corpus or of a failure
import { readFileSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { parseSession, readCorpus } from './corpus.ts'
import { Fuzzer, FuzzFailure, replay } from './fuzzer.ts'
import { report } from './report.ts'
import { vectorSessions } from './vector-sessions.ts'

const { values } = parseArgs({
  options: {
    minutes: { type: 'string' },
    frames: { type: 'string' },
    seed: { type: 'string', default: String(Date.now()) },
    round: { type: 'string' },
    replay: { type: 'string' },
  },
})
const { seed } = values
const PROGRESS_MS = 10_000

async function fuzz(): Promise<void> {
  const fuzzer = new Fuzzer({ seed, corpus: [...readCorpus(), ...vectorSessions()] })
  const started = performance.now()
  const minutes = Number(values.minutes ?? (values.frames === undefined ? 1 : Number.POSITIVE_INFINITY))
  const framesMax = Number(values.frames ?? Number.POSITIVE_INFINITY)
  let toldAt = started
  if (values.round !== undefined) await fuzzer.round(Number(values.round))
  else {
    for (let round = 0; performance.now() - started < minutes * 60_000 && fuzzer.frames < framesMax; round++) {
      await fuzzer.round(round)
      if (performance.now() - toldAt < PROGRESS_MS) continue
      toldAt = performance.now()
      tell(fuzzer, started)
    }
  }
  tell(fuzzer, started)
}

function tell({ frames, sessions, rounds }: Fuzzer, started: number): void {
  const seconds = (performance.now() - started) / 1000
  const megabytes = Math.round(process.memoryUsage().rss / 1e6)
  process.stdout.write(
    `seed ${seed}: ${frames} frames in ${sessions} sessions of ${rounds} rounds, ${seconds.toFixed(0)} s, ${Math.round(frames / seconds)} frames/s, ${megabytes} MB\n`,
  )
}

try {
  if (values.replay === undefined) await fuzz()
  else {
    await replay(parseSession(readFileSync(values.replay, 'utf8')))
    process.stdout.write(`${values.replay}: nothing breaks\n`)
  }
} catch (error) {
  if (!(error instanceof FuzzFailure)) throw error
  process.stdout.write(`${values.replay === undefined ? report(error, seed) : error.message}\n`)
  process.exitCode = 1
}
