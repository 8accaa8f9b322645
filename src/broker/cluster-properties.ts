import { HeliostatError } from '../platform/errors.ts'
import type { Platform } from '../platform/platform.ts'
import { randomUuid } from './uuid.ts'

/** What all nodes of a cluster have in common, for as long as it lives. */
export interface ClusterProperties {
  /** 22 characters. */
  readonly clusterId: string
  /** The nodes that decide together, by id. */
  readonly voters: readonly number[]
}

/** Decided once and kept in the data directory, in the form of Kafka's meta.properties; in memory decided anew. */
export function obtainProperties(
  { disk, random }: Platform,
  data: string | undefined,
  wantedVoters: readonly number[],
  /** Drawn unless it is given. */
  wantedId: string = randomUuid(random),
): ClusterProperties {
  if (data === undefined) return { clusterId: wantedId, voters: wantedVoters }
  const path = `${data}/meta.properties`
  disk.makeDirectory(data)
  if (disk.exists(path)) return readProperties(disk.read(path).toString(), path)
  disk.replace(path, Buffer.from(`version=1\ncluster.id=${wantedId}\nvoters=${wantedVoters.join(',')}\n`))
  return { clusterId: wantedId, voters: wantedVoters }
}

function readProperties(text: string, path: string): ClusterProperties {
  const clusterId = /^cluster\.id=(\S+)$/m.exec(text)?.[1]
  if (clusterId === undefined) throw new HeliostatError('HEL_DATA', `${path} has no cluster.id`, { where: { path } })
  // Before there was more than one broker nobody wrote down who decides.
  const voters = /^voters=([\d,]+)$/m.exec(text)?.[1] ?? '1'
  return { clusterId, voters: voters.split(',').map(Number) }
}
