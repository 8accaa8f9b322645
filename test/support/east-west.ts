// The two clusters of a test file and a client of each, ready when the file's tests begin and stopped when they are over.
import { afterAll } from 'vitest'
import { type Cluster, startCluster } from '../../src/broker/cluster.ts'
import type { ClusterClient } from '../../src/client/cluster-client.ts'
import { clientOf, testPlatform } from './log-content.ts'

interface EastAndWest {
  readonly source: Cluster
  readonly target: Cluster
  readonly east: ClusterClient
  readonly west: ClusterClient
}

export async function eastAndWest(): Promise<EastAndWest> {
  const start = (name: string) => startCluster(testPlatform, { name })
  const [source, target] = await Promise.all([start('east'), start('west')])
  const [east, west] = [clientOf(source.bootstrap), clientOf(target.bootstrap)]
  afterAll(async () => {
    east.close()
    west.close()
    await Promise.all([source.stop(), target.stop()])
  })
  await Promise.all([east.refresh(), west.refresh()])
  return { source, target, east, west }
}
