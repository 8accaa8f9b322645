import { readFileSync } from 'node:fs'
import { join } from 'node:path'

/** The version of this package; its package.json is two folders up, in a checkout as in the published package. */
export function version(): string {
  return JSON.parse(readFileSync(join(import.meta.dirname, '..', '..', 'package.json'), 'utf8')).version
}
