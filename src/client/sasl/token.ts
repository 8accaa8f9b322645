// A bearer token (RFC 6750) and what can be known of it. Brokers judge it; here it is only seen whether it can be one, and until when.

export interface Token {
  readonly text: string
  /** Wall clock, milliseconds; undefined when neither it nor its giver says. */
  readonly expiresAtMs: number | undefined
}

/** Undefined when the text cannot be a token. */
export function tokenOf(text: string): Token | undefined {
  return /^[-._~+/A-Za-z0-9]+=*$/.test(text) ? { text, expiresAtMs: expiryOf(text) } : undefined
}

/** The `exp` of a JWT; a token that is opaque to us has none. */
function expiryOf(text: string): number | undefined {
  const [, payload, signature] = text.split('.')
  if (payload === undefined || signature === undefined) return undefined
  try {
    const { exp } = JSON.parse(Buffer.from(payload, 'base64url').toString()) as { exp?: unknown }
    return typeof exp === 'number' && Number.isFinite(exp) ? exp * 1_000 : undefined
  } catch {
    return undefined
  }
}

/** A token may say any number. */
export function timeText(wallMs: number): string {
  const date = new Date(wallMs)
  return Number.isNaN(date.getTime()) ? 'a time out of reach' : date.toISOString()
}
