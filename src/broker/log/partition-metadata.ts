// Kafka's `partition.metadata`: which topic a folder belongs to, so that a topic made anew under an old name does not take up
// the old one's records.
import { HeliostatError } from '../../platform/errors.ts'
import type { Disk } from '../../platform/platform.ts'

const FILE = 'partition.metadata'

export function readTopicId(disk: Disk, directory: string): string | undefined {
  const path = `${directory}/${FILE}`
  if (!disk.exists(path)) return undefined
  const text = disk.read(path).toString('utf8')
  const match = /^version: 0\ntopic_id: ([\w-]{22})\n$/.exec(text)
  if (match === null) {
    throw new HeliostatError('HEL_STORAGE', `${path} is damaged; it should name the topic id`, { where: { directory } })
  }
  return match[1]
}

export function writeTopicId(disk: Disk, directory: string, topicId: string): void {
  disk.replace(`${directory}/${FILE}`, Buffer.from(`version: 0\ntopic_id: ${topicId}\n`))
}
