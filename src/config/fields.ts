// The kinds of value that a configuration field can have. Each says in its error what is allowed.
import { z } from 'zod'
import { javaPattern, parseReplacement } from '../mirror/naming/java-pattern.ts'
import { PatternError } from '../mirror/naming/pattern-parser.ts'
import { bandwidthForms, durationForms, parseBandwidth, parseDuration, parseSize, sizeForms } from './quantity.ts'
import { parseRedisUrl, redisUrlForm } from './redis-url.ts'

/** Milliseconds, written `30s`. */
export const duration = quantity(parseDuration, durationForms, 'duration')
/** Bytes, written `1MiB`. */
export const size = quantity(parseSize, sizeForms, 'size')
/** Bits a second, written `10Mbit`. */
export const bandwidth = quantity(parseBandwidth, bandwidthForms, 'bandwidth')

function quantity(parse: (text: string) => number | undefined, forms: string, kind: string) {
  return z.union([z.string(), z.number()]).transform((value, context): number => {
    const parsed = typeof value === 'string' ? parse(value) : undefined
    if (parsed !== undefined) return parsed
    context.addIssue({ code: 'custom', message: `${JSON.stringify(value)} is not a ${kind}; write ${forms}` })
    return z.NEVER
  })
}

/** `host:port`; IPv6 in brackets. What has a user before it may have a password, too, and is not shown. */
export const address = z.string().transform((text, context) => {
  const match = /^(?:\[([0-9A-Fa-f:.]+)\]|([^\s:/[\]]+)):(\d{1,5})$/.exec(text)
  const port = match ? Number(match[3]) : Number.NaN
  if (match && port <= 65_535) return { host: (match[1] ?? match[2])!, port }
  const message = text.includes('@')
    ? 'an address is host:port; who logs in stands under sasl'
    : `${JSON.stringify(text)} is not an address; write host:port`
  context.addIssue({ code: 'custom', message })
  return z.NEVER
})

/** A secret: inline (best from `${VAR}`), or the content of a file, which is read anew while it runs. */
export const secret = z.union([z.string(), z.strictObject({ file: z.string() })], {
  error: 'a secret is text, in quotes where it looks like a number, or { file: PATH }', // what was found is not shown
})
export type Secret = z.infer<typeof secret>

/** May hold a password, so a wrong one is not shown; in a file it is read anew while it runs. */
export const redisUrl = z.union(
  [
    z.string().refine((text) => parseRedisUrl(text) !== undefined, { error: redisUrlForm }),
    z.strictObject({ file: z.string() }),
  ],
  { error: redisUrlForm },
)

const LOOPBACK = /^(localhost|127(\.\d+){3}|\[::1\])$/

/** Where secrets are sent; it may hold one itself, so a wrong one is not shown. */
export const endpointUrl = z.string().superRefine((text, context) => {
  const wrong = (message: string) => context.addIssue({ code: 'custom', message })
  const url = URL.canParse(text) ? new URL(text) : undefined
  if (!url || !/^https?:$/.test(url.protocol)) return wrong('write https://host/path')
  if (url.username !== '' || url.password !== '') return wrong('no user and password in it: clientId and clientSecret')
  if (url.protocol === 'http:' && !LOOPBACK.test(url.hostname))
    wrong('secrets go there, so it takes https:// beyond this machine')
})

/** Names and values as RFC 7628 allows them; `auth` is the token's own. */
export const saslExtensions = z.record(
  z.string().regex(/^(?!auth$)[A-Za-z]+$/, { error: 'the name of an extension is letters, and not auth' }),
  z.string().regex(/^[\x21-\x7e \t]+$/, { error: 'the value of an extension is plain ASCII' }),
)

export const clusterName = z.string().regex(/^[A-Za-z0-9][A-Za-z0-9_-]*$/, {
  error: 'a cluster name is letters, digits, - and _, since it becomes part of topic names',
})

/** A regular expression in Java's dialect that must match a whole name. */
const pattern = z.string().transform((source, context) => {
  checkPattern(source, context, 0)
  return source
})

/** Names and expressions: a list, or one text with commas between them as in MirrorMaker's files. */
export const patterns = z.union([
  z.string().transform((text, context) => {
    const parts = [...text.matchAll(/[^,]+/g)].map(({ 0: part, index }) => ({ part, index }))
    return parts.flatMap(({ part, index }) => {
      const source = part.trim()
      if (source !== '') checkPattern(source, context, index + part.indexOf(source))
      return source === '' ? [] : [source]
    })
  }),
  z.array(pattern),
])

/** `match` an expression, `replace` what Java's replaceAll would put in its place. */
export const rename = z
  .strictObject({ match: pattern, replace: z.string() })
  .superRefine(({ match, replace }, context) => {
    try {
      parseReplacement(replace, javaPattern(match).parsed)
    } catch (error) {
      refuse(error, context, 0, ['replace'], 'not a replacement')
    }
  })

interface IssueSink {
  addIssue(issue: { code: 'custom'; message: string; path?: PropertyKey[]; params: { offset: number } }): void
}

function checkPattern(source: string, context: IssueSink, offset: number): void {
  try {
    javaPattern(source)
  } catch (error) {
    refuse(error, context, offset, undefined, 'not a regular expression')
  }
}

/** `offset` is where the text begins in the value of the file; the place at fault is told from there. */
function refuse(
  error: unknown,
  context: IssueSink,
  offset: number,
  path: PropertyKey[] | undefined,
  what: string,
): void {
  if (!(error instanceof PatternError)) throw error
  const message = `${what}, at character ${error.at + 1}: ${error.message}`
  context.addIssue({ code: 'custom', message, ...(path ? { path } : {}), params: { offset: offset + error.at } })
}
