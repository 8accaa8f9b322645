// Every topology in config/topologies/ is started, but for its ports and directories, which are this machine's to give.
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { Connection } from '../../src/client/connection.ts'
import { loadTopology } from '../../src/config/config.ts'
import { topologyPlan } from '../../src/config/topology-config.ts'
import { metadata } from '../../src/protocol/messages/metadata.ts'
import { startTopology } from '../../src/topology/topology.ts'
import { testPlatform } from '../support/log-content.ts'

const folder = join(import.meta.dirname, '..', '..', 'config', 'topologies')
// The certificates that it names are the reader's own.
const files = readdirSync(folder).filter((file) => file !== 'secured.yaml')

describe('the sample', () => {
  it.each(files)(
    '%s starts, and each cluster answers from each datacenter, over the link that was said',
    async (file) => {
      const plan = topologyPlan(loadTopology(readFileSync(join(folder, file), 'utf8'), file, {}).config)
      const clusters = Object.entries(plan.clusters).map(
        ([name, cluster]) => [name, { ...cluster, port: 0, via: {}, data: undefined }] as const,
      )
      const topology = await startTopology(testPlatform, { ...plan, clusters: Object.fromEntries(clusters) })
      const places = new Set(clusters.flatMap(([, { datacenter }]) => datacenter ?? []))
      // Connections need round trips of hundreds of milliseconds where a link is long.
      await Promise.all(
        clusters.flatMap(([name]) =>
          [...places].map(async (datacenter) => {
            const [host, port] = topology.bootstrapFrom(name, datacenter).split(',')[0]!.split(':')
            const connection = await Connection.open(testPlatform, {
              host: host!,
              port: Number(port),
              clientId: 'sample',
            })
            expect((await connection.send(metadata, { topics: [] })).brokers).toContainEqual(
              expect.objectContaining({ host, port: Number(port) }),
            )
            connection.close()
          }),
        ),
      )
      for (const [name, { latencyMs }] of Object.entries(plan.links)) {
        const [from, to] = name.split(/<?->/)
        expect(
          topology
            .link(from!, to!)
            .status()
            .ways.find((way) => way.from === from)!.latencyMs,
        ).toBe(latencyMs)
      }
      await topology.stop()
    },
  )
})
