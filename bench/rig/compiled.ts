// This checkout as it is published: compiled to JavaScript, once a run, so that what is measured is its newest state.
import { spawnSync } from 'node:child_process'
import { cpSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

const root = join(import.meta.dirname, '..', '..')
const page = ['server', 'dashboard']

export const version = (JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { version: string }).version

let compiled = false

/** The path of a compiled file. */
export function compiledFile(...path: readonly string[]): string {
  if (!compiled) compile()
  compiled = true
  return join(root, 'dist', ...path)
}

function compile(): void {
  const compiler = join(root, 'node_modules', '.bin', 'tsc')
  const result = spawnSync(compiler, ['-p', join(root, 'tsconfig.build.json')], { encoding: 'utf8' })
  if (result.status !== 0) throw new Error(`tsc ended with ${result.status}\n${result.stdout}`)
  cpSync(join(root, 'src', ...page), join(root, 'dist', ...page), { recursive: true })
}
