import type { Secret } from './fields.ts'

/** The text of a secret; `read` reads a file. Never ends with the line break that editors add. */
export function revealSecret(value: Secret, read: (path: string) => string): string {
  return typeof value === 'string' ? value : read(value.file).replace(/\r?\n$/, '')
}
