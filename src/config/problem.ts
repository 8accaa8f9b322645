import { HeliostatError } from '../platform/errors.ts'

/** Something wrong at one place of a configuration file. */
export interface Problem {
  readonly severity: 'error' | 'warning'
  /** Stable id of the rule, for scripts: `unknown-key`, `wrong-type`, … */
  readonly rule: string
  readonly message: string
  /** 1-based. */
  readonly line: number
  readonly column: number
}

/** All that is wrong with a file, in the order of its lines. */
export class ConfigError extends HeliostatError {
  readonly file: string
  readonly problems: readonly Problem[]

  constructor(file: string, problems: readonly Problem[]) {
    super('HEL_CONFIG', problems.map((problem) => formatProblem(file, problem)).join('\n'), { where: { file } })
    this.file = file
    this.problems = problems
  }
}

export function formatProblem(file: string, problem: Problem): string {
  return `${file}:${problem.line}:${problem.column} ${problem.severity} ${problem.rule} ${problem.message}`
}

/** At most this many are shown: a file of another kind altogether needs one sentence, not a thousand. */
export const problemsMax = 20
