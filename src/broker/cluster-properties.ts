import { HeliostatError } from '../platform/errors.ts'
import type { Platform } from '../platform/platform.ts'
import { randomUuid } from './uuid.ts'

/** What all nodes of a cluster have in common. */
export interface ClusterProperties {
  /** 22 characters. */
  readonly clusterId: string
  /** The nodes that decide together, by id: as the metadata log said last, or at first. */
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
  makeDirectory(disk, data)
  if (disk.exists(path)) return readProperties(disk.read(path).toString(), path)
  const properties = { clusterId: wantedId, voters: wantedVoters }
  // Brokers in processes of their own that start together agree on what is written: one of them writes it.
  const lock = disk.lock(`${data}/.lock`)
  if (!lock) return properties
  try {
    if (disk.exists(path)) return readProperties(disk.read(path).toString(), path)
    disk.replace(path, textOf(properties))
    return properties
  } finally {
    lock.release()
  }
}

function makeDirectory(disk: Platform['disk'], data: string): void {
  try {
    disk.makeDirectory(data)
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException
    const why = `the data directory ${data} cannot be made or used (${code ?? message})`
    throw new HeliostatError('HEL_DATA', why, { cause: error, where: { path: data } })
  }
}

/** Others decide from now on. */
export function saveProperties({ disk }: Platform, data: string, properties: ClusterProperties): void {
  disk.replace(`${data}/meta.properties`, textOf(properties))
}

function textOf({ clusterId, voters }: ClusterProperties): Buffer {
  return Buffer.from(`version=1\ncluster.id=${clusterId}\nvoters=${voters.join(',')}\n`)
}

function readProperties(text: string, path: string): ClusterProperties {
  const clusterId = /^cluster\.id=(\S+)$/m.exec(text)?.[1]
  if (clusterId === undefined) throw new HeliostatError('HEL_DATA', `${path} has no cluster.id`, { where: { path } })
  // Before there was more than one broker nobody wrote down who decides.
  const voters = /^voters=([\d,]+)$/m.exec(text)?.[1] ?? '1'
  return { clusterId, voters: voters.split(',').map(Number) }
}
