import { readdirSync, readFileSync } from 'node:fs'
import { join, posix, sep } from 'node:path'

/** The files of `src/`, their text by their path from there: `broker/log/segment.ts`. */
export type SourceTree = ReadonlyMap<string, string>

export function readSourceTree(directory: string): SourceTree {
  const names = readdirSync(directory, { recursive: true, encoding: 'utf8' }).filter((name) => name.endsWith('.ts'))
  return new Map(names.sort().map((name) => [name.split(sep).join('/'), readFileSync(join(directory, name), 'utf8')]))
}

const QUOTED = /'(?:\\.|[^'\\\n])*'|"(?:\\.|[^"\\\n])*"/
const COMMENT = /\/\/[^\n]*|\/\*[\s\S]*?\*\//

/** The text without comments, and without the content of strings unless they are kept. Line numbers stay. */
export function codeOf(text: string, strings: 'keep' | 'drop'): string {
  const either = new RegExp(`(${QUOTED.source})|${COMMENT.source}`, 'g')
  return text.replace(either, (found, quoted?: string) => {
    if (quoted !== undefined) return strings === 'keep' ? quoted : "''"
    return found.replace(/[^\n]/g, '')
  })
}

export interface Import {
  /** As written: `node:fs`, `hono/jsx`, or for a file of the tree its path in it. */
  readonly target: string
  readonly kind: 'file' | 'builtin' | 'package'
}

const IMPORTS = [
  /\b(?:import|export)\b[^'"`;()]*?\bfrom\s*['"]([^'"]+)['"]/g,
  /(?<!['"])\bimport\s*['"]([^'"]+)['"]/g,
  /\bimport\(\s*['"]([^'"]+)['"]/g,
  // How a worker's first file is named.
  /\bnew URL\(\s*['"](\.[^'"]+\.ts)['"]\s*,\s*import\.meta\.url/g,
]

export function importsOf(path: string, text: string): Import[] {
  const code = codeOf(text, 'keep')
  const specifiers = IMPORTS.flatMap((pattern) => [...code.matchAll(pattern)].map((match) => match[1]!))
  return specifiers.map((specifier) => {
    if (specifier.startsWith('.')) return { target: posix.join(posix.dirname(path), specifier), kind: 'file' }
    return { target: specifier, kind: specifier.startsWith('node:') ? 'builtin' : 'package' }
  })
}

/** `broker` of `broker/log/segment.ts`; a file at the top is a room of its own. */
export function roomOf(path: string): string {
  return path.split('/')[0]!
}

export function isUnder(path: string, place: string): boolean {
  return path === place || path.startsWith(place.endsWith('.ts') || place.endsWith('-') ? place : `${place}/`)
}
