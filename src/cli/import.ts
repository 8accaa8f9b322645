import { importMirrorMaker } from '../config/mm2/import.ts'
import { formatProblem } from '../config/problem.ts'
import { exitCode } from './exit-code.ts'
import { readConfigFile } from './lint.ts'

const ORDER = ['refused', 'unknown', 'none', 'same', 'mapped']

/** Prints the configuration on stdout, and on stderr what became of every key; 1 when something that was asked for is not to be had. */
export function importFile(file: string): number {
  const { yaml, answers, remarks, warnings } = importMirrorMaker(readConfigFile(file), file)
  for (const warning of warnings) process.stderr.write(`${formatProblem(file, warning)}\n`)
  const sorted = answers.toSorted((a, b) => ORDER.indexOf(a.verdict) - ORDER.indexOf(b.verdict) || a.line - b.line)
  for (const { key, line, verdict, message } of sorted) {
    const place = line > 0 ? `${file}:${line}` : file
    process.stderr.write(`${place} ${verdict} ${key}: ${message}\n`)
  }
  for (const remark of remarks) process.stderr.write(`${file} note: ${remark}\n`)
  process.stdout.write(yaml)
  return answers.some(({ verdict }) => verdict === 'refused') ? exitCode.failed : exitCode.ok
}
