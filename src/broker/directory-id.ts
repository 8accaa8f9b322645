// The file `meta.properties` of a broker's data directory, in Kafka's form: whose it is, and the id that tells it from any other (KIP-858).
import { HeliostatError } from '../platform/errors.ts'
import type { Disk, Random } from '../platform/platform.ts'
import { randomUuid } from './uuid.ts'

export interface DirectoryOwner {
  readonly clusterId: string
  readonly nodeId: number
}

/** 22 characters; drawn when the directory has none yet. A directory that was lost and made anew has another. */
export function obtainDirectoryId(
  { disk, random }: { readonly disk: Disk; readonly random: Random },
  directory: string,
  { clusterId, nodeId }: DirectoryOwner,
): string {
  const path = `${directory}/meta.properties`
  if (disk.exists(path)) return readDirectoryId(disk.read(path).toString(), path, { clusterId, nodeId })
  const directoryId = randomUuid(random)
  disk.makeDirectory(directory)
  const lines = ['version=1', `cluster.id=${clusterId}`, `node.id=${nodeId}`, `directory.id=${directoryId}`]
  disk.replace(path, Buffer.from(`${lines.join('\n')}\n`))
  return directoryId
}

function readDirectoryId(text: string, path: string, { clusterId, nodeId }: DirectoryOwner): string {
  const value = (key: string) => new RegExp(`^${key.replace('.', '\\.')}=(\\S+)$`, 'm').exec(text)?.[1]
  const refused = (why: string) => new HeliostatError('HEL_DATA', `${path} ${why}`, { where: { path } })
  const directoryId = value('directory.id')
  if (directoryId === undefined) throw refused('has no directory.id')
  const owner = `node ${value('node.id')} of the cluster ${value('cluster.id')}`
  if (owner !== `node ${nodeId} of the cluster ${clusterId}`) throw refused(`is of ${owner}; it is not this broker's`)
  return directoryId
}
