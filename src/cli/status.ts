import type { ClusterClient } from '../client/cluster-client.ts'
import { LATEST, OffsetLookup } from '../client/offset-lookup.ts'
import { TopicPartition } from '../client/topic-partition.ts'
import { type PartitionProgressView, ProgressReader } from '../mirror/progress-reader.ts'
import type { Platform } from '../platform/platform.ts'
import type { FlowSummary } from '../server/admin-api.ts'
import { askDaemon, type DaemonAddress } from './daemon-client.ts'
import { exitCode } from './exit-code.ts'
import { readConfig, withFlow } from './flow-session.ts'
import { bytesText, type Column, countText, type Format, render } from './output.ts'

export interface StatusOptions extends DaemonAddress {
  readonly output: Format
}

/** How the flows stand: from the running daemon, or with a file straight from the clusters. */
export async function status(file: string | undefined, options: StatusOptions): Promise<number> {
  return file === undefined ? fromDaemon(options) : fromClusters(file, options.output)
}

const flowColumns: readonly Column<FlowSummary>[] = [
  { title: 'FLOW', value: (flow) => flow.flow },
  { title: 'STATE', value: (flow) => flow.state },
  { title: 'TOPICS', value: (flow) => flow.topics, right: true },
  { title: 'PARTITIONS', value: (flow) => flow.partitions, right: true },
  { title: 'STOPPED', value: (flow) => flow.stoppedPartitions, right: true },
  { title: 'LAG', value: (flow) => countText(flow.lagRecords), right: true },
  { title: 'RPO', value: (flow) => `${flow.rpoSeconds.toFixed(1)} s`, right: true },
  { title: 'RECORDS/S', value: (flow) => countText(Math.round(flow.recordsPerSecond)), right: true },
  { title: 'RATE', value: (flow) => `${bytesText(flow.bytesPerSecond)}/s`, right: true },
  { title: 'GROUPS READY', value: (flow) => `${flow.groups - flow.groupsBlocked}/${flow.groups}`, right: true },
  { title: 'NOTE', value: (flow) => flow.reason ?? '' },
  { title: 'DRIFT', value: (flow) => flow.drift, right: true },
]

const UNABLE: ReadonlySet<FlowSummary['state']> = new Set([
  'starting',
  'stopped',
  'source-unavailable',
  'target-unavailable',
])

async function fromDaemon(options: StatusOptions): Promise<number> {
  const flows = (await askDaemon(options, '/api/v1/flows')) as FlowSummary[]
  process.stdout.write(render(flows, flowColumns, options.output))
  const breached = flows.some(
    ({ state, stoppedPartitions, rpoSeconds, rpoTargetSeconds }) =>
      UNABLE.has(state) || stoppedPartitions > 0 || rpoSeconds > rpoTargetSeconds,
  )
  return breached ? exitCode.notReady : exitCode.ok
}

interface PartitionRow {
  readonly flow: string
  readonly topic: string
  readonly remoteTopic: string
  readonly partition: number
  readonly upstream: number | undefined
  readonly sourceEnd: number | undefined
  readonly lag: number | undefined
  readonly targetEnd: number
  readonly reason: string | undefined
}

const partitionColumns: readonly Column<PartitionRow>[] = [
  { title: 'FLOW', value: (row) => row.flow },
  { title: 'TOPIC', value: (row) => row.topic },
  { title: 'PARTITION', value: (row) => row.partition, right: true },
  { title: 'MIRRORED TO', value: (row) => row.upstream, right: true },
  { title: 'SOURCE END', value: (row) => row.sourceEnd, right: true },
  { title: 'LAG', value: (row) => row.lag, right: true },
  { title: 'ON THE TARGET', value: (row) => row.remoteTopic },
  { title: 'TARGET END', value: (row) => row.targetEnd, right: true },
  { title: 'NOTE', value: (row) => row.reason },
]

/** Every mirrored partition from the progress topic and both ends. A source that is dark leaves its columns empty. */
async function fromClusters(file: string, output: Format): Promise<number> {
  const config = readConfig(file)
  const rows: PartitionRow[] = []
  for (const job of config.mirrors) {
    await withFlow(file, config, job, async ({ platform, source, target, policy }) => {
      const views = await new ProgressReader(platform, target, policy.progressTopic).all()
      const ends = await sourceEnds(platform, source, views)
      for (const [index, view] of views.entries()) rows.push(rowOf(job.name, view, ends[index]))
    })
  }
  process.stdout.write(render(rows, partitionColumns, output))
  return rows.some((row) => row.upstream === undefined) ? exitCode.notReady : exitCode.ok
}

async function sourceEnds(platform: Platform, source: ClusterClient, views: readonly PartitionProgressView[]) {
  try {
    await source.refresh()
  } catch (error) {
    process.stderr.write(`${source.name} cannot be asked: ${(error as Error).message}\n`)
    return views.map(() => undefined)
  }
  const offsets = new OffsetLookup(platform, source)
  return Promise.all(
    views.map(({ topic, partition }) =>
      offsets.find(TopicPartition.of(topic, partition), LATEST).catch(() => undefined),
    ),
  )
}

function rowOf(flow: string, view: PartitionProgressView, sourceEnd: number | undefined): PartitionRow {
  const { topic, partition, remoteTopic, targetEnd, reason } = view
  const upstream = view.map?.nextUpstream
  const lag = upstream === undefined || sourceEnd === undefined ? undefined : Math.max(0, sourceEnd - upstream)
  return { flow, topic, remoteTopic, partition, upstream, sourceEnd, lag, targetEnd, reason }
}
