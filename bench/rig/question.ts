import type { BrokerContestant } from './brokers.ts'
import type { Contestant } from './contestant.ts'
import type { Figures, Row } from './report.ts'

export interface BenchOptions {
  /** Runs of each contestant; the report gives medians. */
  readonly repeats: number
  /** Scales the amount of data and the time; 1 is what the published figures were taken with. */
  readonly scale: number
  /** Mirrors. */
  readonly contestants: readonly Contestant[]
  readonly brokers: readonly BrokerContestant[]
  /** Whether a contestant of a question's own is asked for. */
  readonly isWanted: (name: string) => boolean
}

export interface Question {
  readonly name: string
  /** What is asked, for the list. */
  readonly asks: string
  run(options: BenchOptions): Promise<void>
}

/** Runs each contestant `repeats` times, in turns, so that a drift of the machine meets all of them alike. */
export async function inTurns<Entrant extends { readonly name: string; readonly settings: string }>(
  options: { readonly repeats: number; readonly contestants: readonly Entrant[] },
  run: (contestant: Entrant) => Promise<Figures>,
): Promise<Row[]> {
  const rows = options.contestants.map(({ name, settings }) => ({ name, settings, runs: [] as Figures[] }))
  for (let repeat = 0; repeat < options.repeats; repeat++) {
    for (const [index, contestant] of options.contestants.entries()) {
      const figures = await run(contestant)
      rows[index]!.runs.push(figures)
      process.stderr.write(`${contestant.name}: ${JSON.stringify(figures)}\n`)
    }
  }
  return rows
}
