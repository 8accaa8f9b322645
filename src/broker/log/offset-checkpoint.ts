// Kafka's checkpoint files of a data directory: one offset per partition, as text.
//
//   version 0, number of entries, then `topic partition offset`, each on its line
import type { Disk } from '../../platform/platform.ts'

const VERSION = '0'

export interface CheckpointEntry {
  readonly topic: string
  readonly partition: number
  readonly offset: number
}

export function writeCheckpoint(disk: Disk, path: string, entries: readonly CheckpointEntry[]): void {
  const lines = entries.map(({ topic, partition, offset }) => `${topic} ${partition} ${offset}`)
  disk.replace(path, Buffer.from([VERSION, lines.length, ...lines, ''].join('\n')))
}

/** By `topic-partition`. A file that is missing or damaged tells nothing; every reader can do without. */
export function readCheckpoint(disk: Disk, path: string): Map<string, number> {
  const offsets = new Map<string, number>()
  if (!disk.exists(path)) return offsets
  const [version, count, ...lines] = disk.read(path).toString('utf8').split('\n')
  if (version !== VERSION || lines.pop() !== '' || String(lines.length) !== count) return offsets
  for (const line of lines) {
    const match = /^(\S+) (\d+) (\d+)$/.exec(line)
    if (match === null) return new Map()
    offsets.set(`${match[1]}-${match[2]}`, Number(match[3]))
  }
  return offsets
}
