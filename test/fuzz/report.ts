import { writeFileSync } from 'node:fs'
import { formatSession } from './corpus.ts'
import type { FuzzFailure } from './fuzzer.ts'

/** Writes the session to a file and tells how to play it again: by itself, or with all that went before it. */
export function report(failure: FuzzFailure, seed: string): string {
  const file = `fuzz-${seed}-${failure.round}.txt`
  writeFileSync(file, formatSession(failure.session))
  return `${failure.message}

the last session is in ${file}:   npm run fuzz -- --replay ${file}
with the round that led to it:    npm run fuzz -- --seed ${seed} --round ${failure.round}`
}
