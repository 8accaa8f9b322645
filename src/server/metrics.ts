// Prometheus. Flow and topic series are built from the flows' status at scrape time: nothing on the data path counts twice.
import { collectDefaultMetrics, Registry } from 'prom-client'
import { type Gap, type GapReason, gapReasons } from '../mirror/gap.ts'
import type { FlowState, MirrorStatus } from '../mirror/status.ts'
import type { FlowView } from './flow-view.ts'
import { Mm2Metrics } from './mm2-metrics.ts'

type Labels = Readonly<Record<string, string>>
type Sample = readonly [labels: Labels, value: number]

interface Metric {
  readonly name: string
  readonly type: 'gauge' | 'counter'
  readonly help: string
  readonly samples: (flow: FlowView, status: MirrorStatus, nowMs: number) => Iterable<Sample>
}

const EVENT_LOOP_STEP_MS = 100
const states: readonly FlowState[] = [
  'starting',
  'catching-up',
  'running',
  'paused',
  'source-unavailable',
  'target-unavailable',
  'stopped',
]

const perTopic = (
  flow: FlowView,
  status: MirrorStatus,
  value: (topic: MirrorStatus['topics'][number]) => number,
): Sample[] => status.topics.map((topic) => [{ flow: flow.name, topic: topic.topic }, value(topic)])

const sum = <T>(list: readonly T[], value: (item: T) => number) => list.reduce((total, item) => total + value(item), 0)

/** Of the partitions that are mirrored here, so that the sum over instances counts each once. */
function gapSamples(flow: FlowView, status: MirrorStatus, value: (gap: Gap) => number): Sample[] {
  const gaps = status.topics.flatMap((topic) => topic.partitions.flatMap((partition) => partition.gaps))
  const ofReason = (reason: GapReason) => gaps.filter((gap) => gap.reason === reason)
  return gapReasons.map((reason) => [{ flow: flow.name, reason }, sum(ofReason(reason), value)])
}

/** Every metric of ours, once: name, type, sentence, and where its value comes from. docs/operating.md has a row for each. */
export const metrics: readonly Metric[] = [
  {
    name: 'heliostat_flow_rpo_seconds',
    type: 'gauge',
    help: 'Age of the oldest source record that the target has not acknowledged, at least the time since the source was heard',
    samples: (flow, status) => [[{ flow: flow.name }, status.rpoMs / 1_000]],
  },
  {
    name: 'heliostat_flow_rpo_records',
    type: 'gauge',
    help: 'Source records that would be lost if the source vanished now',
    samples: (flow, status) => [[{ flow: flow.name }, status.rpoRecords]],
  },
  {
    name: 'heliostat_flow_rpo_target_seconds',
    type: 'gauge',
    help: 'The objective from the configuration',
    samples: (flow) => [[{ flow: flow.name }, flow.rpo.seconds]],
  },
  {
    name: 'heliostat_flow_state',
    type: 'gauge',
    help: '1 for the state the flow is in',
    samples: (flow, status) => states.map((state) => [{ flow: flow.name, state }, state === status.state ? 1 : 0]),
  },
  {
    name: 'heliostat_flow_partitions',
    type: 'gauge',
    help: 'Partitions of the flow, by state',
    samples: function* (flow, status) {
      const counts = new Map<string, number>([['stopped', 0]])
      for (const topic of status.topics) {
        for (const { state } of topic.partitions) counts.set(state, (counts.get(state) ?? 0) + 1)
      }
      for (const [state, count] of counts) yield [{ flow: flow.name, state }, count]
    },
  },
  {
    name: 'heliostat_flow_buffered_bytes',
    type: 'gauge',
    help: 'Bytes fetched and not yet acknowledged',
    samples: (flow, status) => [[{ flow: flow.name }, status.bufferedBytes]],
  },
  {
    name: 'heliostat_replication_lag_records',
    type: 'gauge',
    help: 'Source records not yet acknowledged by the target',
    samples: (flow, status) => perTopic(flow, status, (topic) => sum(topic.partitions, (p) => p.lagRecords)),
  },
  {
    name: 'heliostat_replication_lag_seconds',
    type: 'gauge',
    help: 'Age of the oldest source record of the topic not yet acknowledged by the target',
    samples: (flow, status) =>
      perTopic(flow, status, (topic) => Math.max(0, ...topic.partitions.map((p) => p.rpoMs)) / 1_000),
  },
  {
    name: 'heliostat_records_total',
    type: 'counter',
    help: 'Records acknowledged by the target',
    samples: (flow, status) =>
      status.topics.map((t) => [
        { flow: flow.name, topic: t.topic, direction: 'produced' },
        sum(t.partitions, (p) => p.records),
      ]),
  },
  {
    name: 'heliostat_bytes_total',
    type: 'counter',
    help: 'Bytes of record batches fetched from the source, and acknowledged by the target',
    samples: (flow, status) =>
      status.topics.flatMap((t) => [
        [{ flow: flow.name, topic: t.topic, direction: 'fetched' }, sum(t.partitions, (p) => p.fetchedBytes)],
        [{ flow: flow.name, topic: t.topic, direction: 'produced' }, sum(t.partitions, (p) => p.bytes)],
      ]),
  },
  {
    name: 'heliostat_rewritten_batches_total',
    type: 'counter',
    help: 'Batches that could not pass as they were, by reason',
    samples: function* (flow, status) {
      const counts = new Map<string, number>()
      for (const topic of status.topics) {
        for (const partition of topic.partitions) {
          for (const [reason, count] of Object.entries(partition.rewritten))
            counts.set(reason, (counts.get(reason) ?? 0) + count)
        }
      }
      for (const [reason, count] of counts) yield [{ flow: flow.name, reason }, count]
    },
  },
  {
    name: 'heliostat_gap_records_total',
    type: 'counter',
    help: 'Source records known to be missing at the target; must stay 0',
    samples: (flow, status) => gapSamples(flow, status, (gap) => gap.to - gap.from),
  },
  {
    name: 'heliostat_gaps_total',
    type: 'counter',
    help: 'Entries of the gap ledger, by reason; must stay 0',
    samples: (flow, status) => gapSamples(flow, status, () => 1),
  },
  {
    name: 'heliostat_checkpoint_age_seconds',
    type: 'gauge',
    help: "Since this group's offsets were last written to the target",
    samples: function* (flow, _status, nowMs) {
      for (const group of flow.groups()) {
        const written = group.partitions.map((p) => p.writtenAt).filter((at) => at !== undefined)
        if (written.length > 0)
          yield [{ flow: flow.name, group: group.group }, Math.max(0, nowMs - Math.min(...written)) / 1_000]
      }
    },
  },
  {
    name: 'heliostat_group_failover_ready',
    type: 'gauge',
    help: '1 when every offset the group committed has its exact place on the target',
    samples: (flow) =>
      flow.groups().map((group) => [{ flow: flow.name, group: group.group }, group.state === 'blocked' ? 0 : 1]),
  },
  {
    name: 'heliostat_topic_drift',
    type: 'gauge',
    help: 'What could not be brought in step with the source, by kind; /api/v1/flows/{flow}/sync names it',
    samples: (flow) => {
      const { refusedTopics, refusedConfigs, refusedAcls, fewerReplicas } = flow.sync()
      const kinds = { missing: refusedTopics, config: refusedConfigs, acl: refusedAcls, replicas: fewerReplicas }
      return Object.entries(kinds).map(([kind, list]) => [{ flow: flow.name, kind }, list.length])
    },
  },
  {
    name: 'heliostat_job_runs_total',
    type: 'counter',
    help: 'Runs of background jobs, by outcome',
    samples: function* (flow) {
      for (const { name, runs, failures } of flow.jobs()) {
        yield [{ flow: flow.name, job: name, outcome: 'done' }, runs - failures]
        yield [{ flow: flow.name, job: name, outcome: 'failed' }, failures]
      }
    },
  },
  {
    name: 'heliostat_errors_total',
    type: 'counter',
    help: 'Operating errors, by code',
    samples: (flow, status) =>
      Object.entries(status.errors).map(([code, count]) => [{ flow: flow.name, class: code }, count]),
  },
]

export interface MetricsOptions {
  readonly flows: ReadonlyMap<string, FlowView>
  readonly version: string
  readonly now: () => number
  /** Whether MirrorMaker's names stand beside ours. */
  readonly mm2?: () => boolean
}

/** Returns the function that renders one scrape. */
export function metricsOf({ flows, version, now, mm2 = () => false }: MetricsOptions): () => Promise<string> {
  const registry = new Registry()
  const mm2Metrics = new Mm2Metrics()
  // Its own step of 10 ms would wake a process that has nothing to do a hundred times a second.
  collectDefaultMetrics({ register: registry, eventLoopMonitoringPrecision: EVENT_LOOP_STEP_MS })
  return async () => {
    const lines: string[] = []
    const taken = [...flows.values()].map((flow) => ({ flow, status: flow.status() }))
    const nowMs = now()
    for (const metric of metrics) {
      lines.push(`# HELP ${metric.name} ${metric.help}`, `# TYPE ${metric.name} ${metric.type}`)
      for (const { flow, status } of taken) {
        for (const [labels, value] of metric.samples(flow, status, nowMs))
          lines.push(`${metric.name}${labelText(labels)} ${value}`)
      }
    }
    lines.push(
      ...latencyLines(taken),
      '# HELP heliostat_build_info The running version',
      '# TYPE heliostat_build_info gauge',
    )
    lines.push(`heliostat_build_info${labelText({ version, node: process.versions.node })} 1`)
    lines.push(
      `# HELP heliostat_flows Flows of the configuration`,
      `# TYPE heliostat_flows gauge`,
      `heliostat_flows ${flows.size}`,
    )
    if (mm2()) lines.push(...mm2Lines(mm2Metrics.series(taken, nowMs)))
    return `${lines.join('\n')}\n${await registry.metrics()}`
  }
}

/** Series of one name stand together, as the format asks. */
function mm2Lines(series: Iterable<readonly [name: string, labels: Labels, value: number]>): string[] {
  const byName = Map.groupBy(series, ([name]) => name)
  return [...byName].flatMap(([name, own]) => [
    `# TYPE ${name} gauge`,
    ...own.map(([, labels, value]) => `${name}${labelText(labels)} ${value}`),
  ])
}

function latencyLines(taken: readonly { flow: FlowView; status: MirrorStatus }[]): string[] {
  const name = 'heliostat_replication_latency_seconds'
  const lines = [
    `# HELP ${name} From a batch's timestamp to its acknowledgement by the target`,
    `# TYPE ${name} histogram`,
  ]
  for (const { flow, status } of taken) {
    let total = 0
    status.latency.counts.forEach((count, index) => {
      total += count
      const bound = status.latency.boundsMs[index]
      lines.push(
        `${name}_bucket${labelText({ flow: flow.name, le: bound === undefined ? '+Inf' : String(bound / 1_000) })} ${total}`,
      )
    })
    lines.push(`${name}_sum${labelText({ flow: flow.name })} ${status.latency.sumMs / 1_000}`)
    lines.push(`${name}_count${labelText({ flow: flow.name })} ${total}`)
  }
  return lines
}

const escapes: Readonly<Record<string, string>> = { '\\': '\\\\', '"': '\\"', '\n': '\\n' }

const labelText = (labels: Labels) =>
  `{${Object.entries(labels)
    .map(([name, value]) => `${name}="${value.replace(/[\\"\n]/g, (character) => escapes[character]!)}"`)
    .join(',')}}`
