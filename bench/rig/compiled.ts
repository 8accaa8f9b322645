// This checkout as it is published: in few files of JavaScript, made once a run, so that what is measured is its newest state.
import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'

const root = join(import.meta.dirname, '..', '..')

export const version = (JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { version: string }).version

let compiled = false

/** The path of a compiled file. */
export function compiledFile(...path: readonly string[]): string {
  if (!compiled) compile()
  compiled = true
  return join(root, 'dist', ...path)
}

function compile(): void {
  const bundler = join(root, 'node_modules', '.bin', 'rolldown')
  const result = spawnSync(bundler, ['-c'], { cwd: root, encoding: 'utf8' })
  if (result.status !== 0) throw new Error(`rolldown ended with ${result.status}\n${result.stdout}${result.stderr}`)
}
