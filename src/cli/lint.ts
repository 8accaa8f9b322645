import { readFileSync } from 'node:fs'
import { loadConfig, loadTopology } from '../config/config.ts'
import { ConfigError, formatProblem, type Problem } from '../config/problem.ts'
import { exitCode } from './exit-code.ts'
import type { Format } from './output.ts'

export interface LintOptions {
  readonly output: Format
  readonly denyWarnings: boolean
}

/** Checks files without a network: one line a problem on stdout, nothing when all is well. */
export function lint(files: readonly string[], options: LintOptions): number {
  const found = files.map((file) => ({ file, problems: problemsOf(file) }))
  if (options.output === 'table') {
    for (const { file, problems } of found) {
      for (const problem of problems) process.stdout.write(`${formatProblem(file, problem)}\n`)
    }
    const count = found.reduce((sum, { problems }) => sum + problems.length, 0)
    if (count === 0) process.stderr.write(`${files.length === 1 ? files[0] : `${files.length} files`}: no problems\n`)
  } else {
    const flat = found.flatMap(({ file, problems }) => problems.map((problem) => ({ file, ...problem })))
    process.stdout.write(
      options.output === 'ndjson'
        ? flat.map((row) => `${JSON.stringify(row)}\n`).join('')
        : `${JSON.stringify(flat, null, 2)}\n`,
    )
  }
  const bad = found.some(({ problems }) => problems.some((p) => p.severity === 'error' || options.denyWarnings))
  return bad ? exitCode.badConfig : exitCode.ok
}

function problemsOf(file: string): readonly Problem[] {
  try {
    const text = readConfigFile(file)
    return isTopology(text)
      ? loadTopology(text, file, process.env).warnings
      : loadConfig(text, file, process.env).warnings
  } catch (error) {
    if (error instanceof ConfigError) return error.problems
    throw error
  }
}

/** A file without `mirrors` is meant for `heliostat broker`. */
const isTopology = (text: string) =>
  !/^["']?mirrors["']?\s*:/m.test(text) && /^["']?(clusters|links)["']?\s*:/m.test(text) && !/bootstrap/.test(text)

/** The text of a file that a person named; a ConfigError says what is the matter with it. */
export function readConfigFile(file: string): string {
  try {
    return readFileSync(file, 'utf8')
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code
    const reason =
      code === 'ENOENT' ? 'there is no such file' : code === 'EISDIR' ? 'is a directory' : `cannot be read (${code})`
    throw new ConfigError(file, [{ severity: 'error', rule: 'file', message: reason, line: 1, column: 1 }])
  }
}
