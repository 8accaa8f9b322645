// A target log that lost all that transactions had committed, was filled up by others beyond that, and written by us before anybody looked:
// the last record of ours stands, and only the leader's epoch tells that others do not.
import { expect, test } from 'vitest'
import type { ClusterClient } from '../../../src/client/cluster-client.ts'
import { TopicPartition } from '../../../src/client/topic-partition.ts'
import type { DataLossPolicy, Gap } from '../../../src/mirror/gap.ts'
import type { GapLedger } from '../../../src/mirror/gap-ledger.ts'
import { CommittedLog } from '../../../src/mirror/partition/committed-log.ts'
import type { PartitionCopy } from '../../../src/mirror/partition/partition-copy.ts'
import { OffsetMap } from '../../../src/offset-translation/offset-map.ts'
import { ErrorCode } from '../../../src/protocol/errors.ts'
import type { BatchHeader, TailReader } from '../../../src/sink/tail-reader.ts'
import { FakeClock } from '../../support/fake-clock.ts'

const OURS = { producerId: 7, producerEpoch: 0 }
const REMOTE = TopicPartition.of('east.orders', 0)
const SOURCE = TopicPartition.of('orders', 0)

/** Records 0 to 2 were committed at 0 to 2, record 3 at 10; what stands below `foreignTo` on the target is others'. */
function ground({ foreignTo, endOfEpoch }: { foreignTo: number; endOfEpoch: number }, onDataLoss: DataLossPolicy) {
  const clock = new FakeClock()
  const map = new OffsetMap({ start: { upstream: 0, downstream: 0 } })
  map.place(0, 0, 3)
  map.place(3, 10, 1)
  map.acknowledge(11)
  const gaps: Gap[] = []
  const anew: number[] = []
  let wholeUnder: number | undefined = 5
  const asked: number[] = []
  const answer = (leaderEpoch: number) => {
    asked.push(leaderEpoch)
    const partitions = [{ partition: 0, errorCode: ErrorCode.NONE, leaderEpoch, endOffset: endOfEpoch }]
    return { topics: [{ topic: REMOTE.topic, partitions }] }
  }
  const node = {
    send: async (_: unknown, request: never) => answer(request['topics'][0]['partitions'][0]['leaderEpoch']),
  }
  const target = { leaderOf: () => ({ nodeId: 1, leaderEpoch: 7 }), node: async () => node } as unknown as ClusterClient
  const batchAt = async (_: unknown, offset: number) =>
    ({
      baseOffset: offset,
      baseSequence: offset === 10 ? 3 : offset,
      ...(offset < foreignTo ? { producerId: -1 } : OURS),
    }) as BatchHeader
  const write = async (gap: Gap) => {
    gaps.push(gap)
    return gap
  }
  const copy = {
    ...{ source: SOURCE, remote: REMOTE, map, writers: new Set([7]), lastCommitted: { ...OURS, sequence: 3 } },
    progress: { start: { upstream: 0, downstream: 0 } },
    get wholeUnder() {
      return wholeUnder
    },
    wasWhole: (leaderEpoch: number | undefined) => {
      wholeUnder = leaderEpoch
    },
    startOver: async (_: unknown, upstream: number) => void anew.push(upstream),
  }
  const log = new CommittedLog(
    {
      ...{ target, onDataLoss, wentBackTo: new Map(), platform: { clock } as never },
      tails: { batchAt } as unknown as TailReader,
      gapLedger: { write } as unknown as GapLedger,
    },
    copy as unknown as PartitionCopy,
  )
  const mend = (leaderEpoch: number) => log.mend({ end: 12, leaderEpoch })
  return { clock, mend, gaps, anew, asked, copy }
}

test.each([
  ['stop', expect.objectContaining({ code: 'data-loss' }), []],
  ['skip', 'mended', [4]],
  ['restart', 'mended', [0]],
] as const)('is seen by the epoch, named with its range, and dealt with: %s', async (policy, outcome, anew) => {
  const lost = ground({ foreignTo: 10, endOfEpoch: 0 }, policy)
  // Metadata lag behind elections, so it is looked at once more.
  await expect(lost.mend(7)).rejects.toMatchObject({ code: 'HEL_TARGET_CHANGED', retriable: true })
  await lost.clock.advance(1_500)
  expect(await lost.mend(7)).toEqual(outcome)
  expect(lost.gaps).toMatchObject([
    { topic: 'orders', partition: 0, from: 0, to: 3, reason: 'target-truncated', downstream: { from: 0, to: 10 } },
  ])
  expect(lost.anew).toEqual(anew)
})

test('an election that cost nothing is asked about once, and no other question is', async () => {
  const whole = ground({ foreignTo: 0, endOfEpoch: 3 }, 'stop')
  expect(await whole.mend(5)).toBeUndefined()
  expect(whole.asked).toEqual([])
  expect(await whole.mend(7)).toBeUndefined()
  expect(await whole.mend(7)).toBeUndefined()
  expect(whole.asked).toEqual([5])
  expect(whole.copy.wholeUnder).toBe(7)
})
