// The kinds of value that a configuration field can have. Each says in its error what is allowed.
import { z } from 'zod'
import { bandwidthForms, durationForms, parseBandwidth, parseDuration, parseSize, sizeForms } from './quantity.ts'

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

/** `host:port`; IPv6 in brackets. */
export const address = z.string().transform((text, context) => {
  const match = /^(?:\[([0-9A-Fa-f:.]+)\]|([^\s:/[\]]+)):(\d{1,5})$/.exec(text)
  const port = match ? Number(match[3]) : Number.NaN
  if (match && port <= 65_535) return { host: (match[1] ?? match[2])!, port }
  context.addIssue({ code: 'custom', message: `${JSON.stringify(text)} is not an address; write host:port` })
  return z.NEVER
})

/** A secret: inline (best from `${VAR}`), or the content of a file. */
export const secret = z.union([z.string(), z.strictObject({ file: z.string() })])
export type Secret = z.infer<typeof secret>

export const clusterName = z.string().regex(/^[A-Za-z0-9][A-Za-z0-9_-]*$/, {
  error: 'a cluster name is letters, digits, - and _, since it becomes part of topic names',
})

/** A regular expression that must match a whole name. */
export const pattern = z.string().transform((source, context) => {
  try {
    new RegExp(`^(?:${source})$`, 'u')
    return source
  } catch (error) {
    const reason = (error as Error).message.replace(/^Invalid regular expression: /, '')
    context.addIssue({ code: 'custom', message: `not a regular expression: ${reason}` })
    return z.NEVER
  }
})
