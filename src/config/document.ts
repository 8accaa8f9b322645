// A YAML file as a plain value, with a way back from any path to its line and column.
import {
  type Document,
  isAlias,
  isMap,
  isScalar,
  isSeq,
  LineCounter,
  type Node,
  parseAllDocuments,
  type Scalar,
  visit,
} from 'yaml'
import { interpolate } from './interpolate.ts'
import type { Problem } from './problem.ts'

export type Path = readonly PropertyKey[]

export interface ConfigDocument {
  /** Plain data with `${…}` expanded; undefined when the file could not be read at all. */
  readonly value: unknown
  readonly problems: readonly Problem[]
  /**
   * Where the value at `path` stands; with `key`, where that key of the mapping at `path` stands; with `offset`, where that
   * character of the text at `path` stands, if it can be told.
   */
  position(path: Path, key?: string, offset?: number): { line: number; column: number }
}

const bytesMax = 1024 * 1024
const depthMax = 100
/** Aliases that may unfold: enough to share TLS settings, too few for a bomb. */
export const maxAliasCount = 100
const HINTS: Readonly<Record<string, string>> = {
  TAB_AS_INDENT: '; indent with blanks',
  TAG_RESOLVE_FAILED: '; tags are not read here, and a text that begins with ! wants quotes',
}
const forbiddenKeys = new Set(['__proto__', 'constructor', 'prototype'])

export function parseDocument(text: string, env: Readonly<Record<string, string | undefined>>): ConfigDocument {
  const counter = new LineCounter()
  const problems: Problem[] = []
  const report = (offset: number, rule: string, message: string) => {
    const { line, col } = offset >= 0 && text.length > 0 ? counter.linePos(offset) : { line: 1, col: 1 }
    problems.push({ severity: 'error', rule, message, line: Math.max(line, 1), column: Math.max(col, 1) })
  }
  const unreadable = (offset: number, rule: string, message: string): ConfigDocument => {
    report(offset, rule, message)
    return { value: undefined, problems, position: () => ({ line: 1, column: 1 }) }
  }

  const refused = refusedText(text)
  if (refused) return unreadable(-1, refused.rule, refused.message)

  const documents = parseAllDocuments(veil(text), {
    lineCounter: counter,
    uniqueKeys: true,
    // `no`, `on` and `1:30` stay text, as YAML 1.2 has it.
    version: '1.2',
  })
  if (documents.length === 0 || !Array.isArray(documents)) return unreadable(-1, 'empty', 'the file is empty')
  if (documents.length > 1) {
    return unreadable(
      documents[1]!.range[0],
      'two-documents',
      'the file holds more than one YAML document (---); one is read',
    )
  }
  const document = documents[0]!
  for (const { offset, rule, message } of slipsOf(document)) report(offset, rule, message)
  if (problems.length > 0) return { value: undefined, problems, position: () => ({ line: 1, column: 1 }) }
  if (document.contents === null) return unreadable(-1, 'empty', 'the file is empty')

  const offsetOf = (node: unknown) => (node as Node | undefined)?.range?.[0] ?? -1
  const rewritten = new Set<unknown>()
  visit(document, {
    Alias(_, node) {
      if (node.resolve(document)) return
      report(offsetOf(node), 'alias', 'no anchor (&name) for this alias; a text that begins with * wants quotes')
    },
    Pair(_, pair) {
      const key = isScalar(pair.key) ? String(pair.key.value) : ''
      if (forbiddenKeys.has(key)) report(offsetOf(pair.key), 'unknown-key', `"${key}" cannot be a key`)
    },
    Scalar(where, node) {
      if (where === 'key' || typeof node.value !== 'string') return
      if (node.tag !== undefined && !node.tag.startsWith('tag:yaml.org,2002:str')) {
        report(offsetOf(node), 'tag', `Unresolved tag${HINTS['TAG_RESOLVE_FAILED']}`)
      }
      const expanded = interpolate(unveil(node.value), env)
      for (const message of expanded.problems) report(offsetOf(node), 'variable', message)
      if (expanded.text !== node.value) rewritten.add(node)
      node.value = expanded.text
    },
  })
  if (problems.some(({ rule }) => rule === 'alias'))
    return { value: undefined, problems, position: () => ({ line: 1, column: 1 }) }
  const position = (path: Path, key?: string, offset?: number) => {
    let node: unknown = document.contents
    let found = node
    for (const step of path) {
      const holder = isAlias(node) ? node.resolve(document) : node
      node = isMap(holder) || isSeq(holder) ? holder.get(step, true) : undefined
      if (node === undefined || node === null) break
      found = node
    }
    if (isAlias(found)) found = found.resolve(document)
    if (key !== undefined && isMap(found)) {
      found = found.items.find((pair) => isScalar(pair.key) && String(pair.key.value) === key)?.key ?? found
    }
    const within =
      offset !== undefined && isScalar(found) && !rewritten.has(found) ? placeWithin(text, found, offset) : 0
    const { line, col } = counter.linePos(Math.max(0, offsetOf(found)) + within)
    return { line: Math.max(1, line), column: Math.max(1, col) }
  }
  try {
    return { value: document.toJS({ maxAliasCount }), problems, position }
  } catch (error) {
    return unreadable(
      -1,
      'alias',
      `more than ${maxAliasCount} aliases (*name) unfold in this file: ${(error as Error).message}`,
    )
  }
}

/** Why a text is not even given to the parser. */
export function refusedText(text: string): Pick<Problem, 'rule' | 'message'> | undefined {
  if (text.includes('\0')) return { rule: 'encoding', message: 'the file holds NUL bytes; save it as UTF-8 text' }
  if (Buffer.byteLength(text) > bytesMax)
    return { rule: 'too-large', message: `the file is larger than ${bytesMax} bytes` }
  const indent = deepIndent(text)
  if (indent === undefined) return undefined
  return { rule: 'too-deep', message: `line ${indent} is nested deeper than ${depthMax} levels` }
}

/** What the parser stumbled over. After one slip it stumbles over all that follows: one error a line, and few, point at the slip. */
export function slipsOf({ errors, warnings }: Pick<Document, 'errors' | 'warnings'>): {
  readonly offset: number
  readonly rule: string
  readonly message: string
}[] {
  return [...errors, ...warnings]
    .filter((error, index, all) => all.findIndex((e) => e.linePos?.[0].line === error.linePos?.[0].line) === index)
    .slice(0, 3)
    .map(({ code, message, pos }) => {
      // What the parser shows behind a colon is a piece of the file, which may be a piece of a secret.
      const words = unveil(message.split(' at line ')[0]!.split('\n')[0]!).replace(/: .*/s, '')
      const rule = code === 'DUPLICATE_KEY' ? 'duplicate-key' : 'yaml'
      return { offset: pos[0], rule, message: `${words}${HINTS[code] ?? ''}` }
    })
}

/** How far behind the beginning of a scalar its nth character is written: escapes are longer than what they stand for. */
function placeWithin(text: string, scalar: Scalar, offset: number): number {
  const [begin, end] = scalar.range!
  const written = text.slice(begin, end)
  const isQuoted = scalar.type === 'QUOTE_DOUBLE' || scalar.type === 'QUOTE_SINGLE'
  if (written.includes('\n') || (!isQuoted && scalar.type !== 'PLAIN')) return 0
  if (!isQuoted) return offset
  const piecePattern = scalar.type === 'QUOTE_SINGLE' ? /''|./gsu : /\\(?:x..|u.{4}|U.{8}|.)|./gsu
  let left = offset
  for (const { 0: piece, index } of written.slice(1).matchAll(piecePattern)) {
    if (left <= 0) return 1 + index
    left -= piece.startsWith('\\') || piece === "''" ? 1 : piece.length
  }
  return 0
}

/** The parser recurses, so nesting is bounded before it starts: by indentation, and by brackets in flow style. */
function deepIndent(text: string): number | undefined {
  let brackets = 0
  let line = 1
  for (const character of text) {
    if (character === '\n') line += 1
    else if (character === '[' || character === '{') brackets += 1
    else if (character === ']' || character === '}') brackets = Math.max(0, brackets - 1)
    if (brackets > depthMax) return line
  }
  const lines = text.split('\n')
  const deep = lines.findIndex((row) => /^( *(- )*)*/.exec(row)![0].length > depthMax * 2)
  return deep < 0 ? undefined : deep + 1
}

// `${VAR}` must be readable in flow style too (`{ password: ${VAR} }`), where YAML takes braces and commas for its own. So
// while YAML parses, each character of `${…}` is replaced by one of the private use area: positions stay, meaning does not.
const veilBase = 0xe000
const veil = (text: string) =>
  text.replace(/\$\{[^}\n]*\}/g, (whole) =>
    whole.replace(/[\x20-\x7e]/g, (character) => String.fromCharCode(veilBase + character.charCodeAt(0))),
  )
const unveil = (text: string) =>
  text.replace(/[\ue020-\ue07e]/g, (character) => String.fromCharCode(character.charCodeAt(0) - veilBase))
