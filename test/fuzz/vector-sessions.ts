import { readFileSync } from 'node:fs'
import type { Session } from './corpus.ts'

interface Vector {
  readonly api: string
  readonly key: number
  readonly kind: 'request' | 'response'
  readonly version: number
  readonly headerVersion: number
  readonly shape: string
  readonly hex: string
}

/** Every request that Kafka's own classes wrote for the vectors, each a session of one frame. */
export function vectorSessions(): Session[] {
  const lines = readFileSync(new URL('../wire/protocol-4.4.0.jsonl', import.meta.url), 'utf8')
    .trim()
    .split('\n')
  return lines
    .map((line): Vector => JSON.parse(line))
    .filter(({ kind }) => kind === 'request')
    .map(({ api, key, version, headerVersion, shape, hex }) => {
      const head = Buffer.alloc(14)
      head.writeInt16BE(key, 4)
      head.writeInt16BE(version, 6)
      head.writeInt32BE(7, 8)
      head.writeInt16BE(-1, 12)
      const frame = Buffer.concat([
        head,
        headerVersion === 2 ? Buffer.from([0]) : Buffer.alloc(0),
        Buffer.from(hex, 'hex'),
      ])
      frame.writeInt32BE(frame.length - 4, 0)
      return { about: `${api} v${version}, ${shape}`, steps: [{ bytes: frame }] }
    })
}
