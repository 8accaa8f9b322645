import { randomBytes } from 'node:crypto'
import type { Random } from './platform.ts'

export function nodeRandom(): Random {
  return { bytes: (length) => randomBytes(length), fraction: () => Math.random() }
}
