// Java's grammar of `.properties` files (java.util.Properties.load), with the line that each key stands in. The last of two equal keys
// counts. What Java takes silently and people rarely mean is a warning.
import type { Problem } from '../problem.ts'

export interface Property {
  readonly key: string
  readonly value: string
  /** Of its first line, 1-based. */
  readonly line: number
}

export interface Properties {
  /** In the order of the file; of equal keys the last. */
  readonly properties: readonly Property[]
  readonly problems: readonly Problem[]
}

const BLANK = /[ \t\f]/

export function parseProperties(text: string): Properties {
  const found = new Map<string, Property>()
  const problems: Problem[] = []
  const report = (severity: Problem['severity'], rule: string, line: number, message: string) =>
    problems.push({ severity, rule, message, line, column: 1 })
  for (const { content, line } of logicalLines(text.replace(/^\uFEFF/, ''))) {
    const end = keyEnd(content)
    const valueAt = valueStart(content, end)
    const [key, value] = [unescaped(content.slice(0, end)), unescaped(content.slice(valueAt))]
    if (key === undefined || value === undefined) {
      report('error', 'properties', line, 'malformed \\uXXXX: four hexadecimal digits must follow \\u')
      continue
    }
    const before = found.get(key)
    if (before) {
      report('warning', 'duplicate-key', line, `${key} stands in line ${before.line} already; this one counts`)
      found.delete(key)
    }
    if (/[^\p{ASCII}]/u.test(content))
      report(
        'warning',
        'not-ascii',
        line,
        `${key}: Java reads this file as ISO-8859-1, so that MirrorMaker sees other letters; \\uXXXX stands for any letter`,
      )
    if (/\s[#!]/.test(value))
      report(
        'warning',
        'trailing-comment',
        line,
        `${key}: a comment cannot follow a value; Java reads it as a part of it`,
      )
    found.set(key, { key, value, line })
  }
  return { properties: [...found.values()], problems }
}

/** Lines as the grammar means them: without comments and empty ones, joined where they go on. */
function* logicalLines(text: string): Generator<{ content: string; line: number }> {
  const natural = text.split(/\r\n|\r|\n/)
  for (let at = 0; at < natural.length; at++) {
    const line = at + 1
    let content = natural[at]!.replace(/^[ \t\f]+/, '')
    if (content === '' || content.startsWith('#') || content.startsWith('!')) continue
    while (goesOn(content)) {
      content = content.slice(0, -1)
      if (++at >= natural.length) break
      content += natural[at]!.replace(/^[ \t\f]+/, '')
    }
    if (content !== '') yield { content, line }
  }
}

/** An odd number of backslashes at its end. */
function goesOn(line: string): boolean {
  const backslashes = /\\*$/.exec(line)![0].length
  return backslashes % 2 === 1
}

function keyEnd(content: string): number {
  for (let at = 0; at < content.length; at++) {
    const character = content[at]!
    if (character === '\\') at++
    else if (character === '=' || character === ':' || BLANK.test(character)) return at
  }
  return content.length
}

/** Behind blanks, one `=` or `:`, and blanks. */
function valueStart(content: string, keyEnd: number): number {
  return keyEnd + /^[ \t\f]*[=:]?[ \t\f]*/.exec(content.slice(keyEnd))![0].length
}

const ESCAPES: Readonly<Record<string, string>> = { t: '\t', n: '\n', r: '\r', f: '\f' }

/** Undefined when there is a malformed \uXXXX. */
function unescaped(text: string): string | undefined {
  let malformed = false
  const plain = text.replace(/\\(?:u([0-9A-Fa-f]{4})|([\s\S]))/g, (_, unicode?: string, other?: string) => {
    if (unicode !== undefined) return String.fromCharCode(Number.parseInt(unicode, 16))
    if (other === 'u') malformed = true
    return ESCAPES[other!] ?? other!
  })
  return malformed ? undefined : plain
}
