import type { PartitionStatus } from '../../src/mirror/status.ts'
import type { GroupStatus } from '../../src/offset-translation/tracked-group.ts'
import type { FlowView } from '../../src/server/flow-view.ts'

/** A flow that stands still, for the server's tests. */
export function stillFlow(
  partition: Partial<PartitionStatus> = {},
  groups: readonly GroupStatus[] = [],
): FlowView & { calls: string[] } {
  const calls: string[] = []
  const partitions: PartitionStatus[] = [
    {
      partition: 0,
      state: 'running',
      reason: undefined,
      upstream: 120,
      downstream: 100,
      sourceEnd: 127,
      lagRecords: 7,
      rpoMs: 1_500,
      records: 100,
      bytes: 4_096,
      fetchedBytes: 5_000,
      recordAge: { last: 3, avg: 2, min: 1, max: 3 },
      replicationLatency: { last: 9, avg: 7, min: 5, max: 9 },
      rewritten: { holes: 2 },
      runs: 3,
      gaps: [],
      ...partition,
    },
  ]
  return {
    calls,
    name: 'east->west',
    rpo: { seconds: 10, records: 1_000 },
    status: () => ({
      flow: 'east->west',
      source: 'east',
      target: 'west',
      state: 'running',
      rpoMs: 1_500,
      rpoRecords: 7,
      reason: undefined,
      topics: [{ topic: 'orders "x"', remoteTopic: 'east.orders', partitions }],
      bufferedBytes: 10,
      bufferedBytesMax: 20,
      errors: { HEL_UNREACHABLE: 3 },
      latency: { boundsMs: [5, 10], counts: [4, 2, 1], sumMs: 40 },
    }),
    moved: { records: partitions[0]!.records, bytes: partitions[0]!.bytes },
    groups: () => groups,
    sync: () => ({
      refusedTopics: [],
      refusedConfigs: [{ topic: 'east.orders', name: 'retention.ms', value: '1', reason: 'INVALID_CONFIG' }],
      refusedAcls: [],
      fewerReplicas: [{ topic: 'east.orders', wanted: 3, given: 1 }],
      pendingDeletes: [],
    }),
    jobs: () => [
      {
        name: 'east->west/heartbeat',
        everyMs: 1_000,
        scope: 'flow',
        state: 'waiting',
        lastOutcome: 'done',
        runs: 5,
        failures: 2,
        failuresInARow: 0,
      },
    ],
    groupOffsets: { mode: 'followed' },
    gaps: () => partitions[0]!.gaps,
    translate: ({ topic, partition: index, offset, reverse }) =>
      offset > 120
        ? { topic, partition: index, reason: 'not mirrored yet' }
        : { topic, partition: index, offset: reverse ? offset + 20 : offset - 20 },
    explain: async (name) => [
      { flow: 'east->west', kind: 'topic', name, verdict: 'not mirrored', steps: ['no include pattern matches'] },
    ],
    pause: (topic) => calls.push(`pause ${topic}`),
    resume: (topic) => calls.push(`resume ${topic}`),
  }
}
