import { loadConfig } from '../config/config.ts'
import { importMirrorMaker } from '../config/mm2/import.ts'
import { ConfigError, formatProblem, type Problem } from '../config/problem.ts'
import { exitCode } from './exit-code.ts'
import { readConfigFile } from './lint.ts'

const ORDER = ['refused', 'unknown', 'none', 'same', 'mapped']

/**
 * Prints the configuration on stdout, and on stderr what became of every key; 1 when something that was asked for is not to be had, or the
 * configuration is none yet.
 */
export function importFile(file: string): number {
  const { yaml, answers, remarks, warnings } = importMirrorMaker(readConfigFile(file), file)
  for (const warning of warnings) tell(formatProblem(file, warning))
  const sorted = answers.toSorted((a, b) => ORDER.indexOf(a.verdict) - ORDER.indexOf(b.verdict) || a.line - b.line)
  for (const { key, line, verdict, message } of sorted) tell(`${file}:${line} ${verdict} ${key}: ${message}`)
  for (const remark of remarks) tell(`${file} note: ${remark}`)
  const wrong = problemsOf(yaml)
  for (const { severity, rule, message } of wrong) tell(`${file} what becomes of it: ${severity} ${rule} ${message}`)
  process.stdout.write(yaml)
  const isWhole = !answers.some(({ verdict }) => verdict === 'refused')
  return isWhole && wrong.every(({ severity }) => severity !== 'error') ? exitCode.ok : exitCode.failed
}

/** What the lint would say; variables may be set only where it will run. */
function problemsOf(yaml: string): Problem[] {
  try {
    return [...loadConfig(yaml, 'imported', process.env).warnings]
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error
    const unset = error.problems.filter(({ rule }) => rule === 'variable').map(({ line }) => line)
    return error.problems.filter(({ line }) => !unset.includes(line))
  }
}

/** Keys are the file's own, which may hold anything. */
function tell(line: string): void {
  process.stderr.write(`${line.replaceAll(/\p{Cc}/gu, '?')}\n`)
}
