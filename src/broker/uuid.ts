import type { Random } from '../platform/platform.ts'

/** A random UUID (version 4) in Kafka's text: 22 characters of URL-safe base64, never beginning with a dash, which tools take for an option. */
export function randomUuid(random: Random): string {
  for (;;) {
    const text = version4(random).toString('base64url')
    if (!text.startsWith('-')) return text
  }
}

/** The same in the common hexadecimal form, as member ids end with. */
export function randomHexUuid(random: Random): string {
  const hex = version4(random).toString('hex')
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join('-')
}

function version4(random: Random): Buffer {
  const bytes = random.bytes(16)
  bytes[6] = (bytes[6]! & 0x0f) | 0x40
  bytes[8] = (bytes[8]! & 0x3f) | 0x80
  return bytes
}
