// Bugs that are put into broker, mirror and machine on purpose, one at a time, each with the seed that finds it.
import { MarkerWriter } from '../../src/broker/coordinator/transaction/marker-writer.ts'
import { TransactionMachine } from '../../src/broker/coordinator/transaction/transaction-machine.ts'
import { PartitionLog } from '../../src/broker/log/partition-log.ts'
import { ProducerState } from '../../src/broker/log/producer-state.ts'
import { ACL_OPERATION, ACL_PERMISSION } from '../../src/client/acls.ts'
import { Backoff } from '../../src/client/backoff.ts'
import { AclSync } from '../../src/mirror/acl-sync.ts'
import { ConfigSync } from '../../src/mirror/config-sync.ts'
import { GapLedger } from '../../src/mirror/gap-ledger.ts'
import { MirroredPartition } from '../../src/mirror/partition/mirrored-partition.ts'
import type { OutgoingBatch } from '../../src/mirror/partition/outbox.ts'
import { PartitionMirror } from '../../src/mirror/partition/partition-mirror.ts'
import { SlotLog } from '../../src/mirror/slot-log.ts'
import { OffsetMap } from '../../src/offset-translation/offset-map.ts'
import { buildBatch } from '../../src/records/batch-builder.ts'
import { RecordBatch } from '../../src/records/record-batch.ts'
import { SimMachine } from '../../src/simulation/sim-machine.ts'
import { AbortedFilter } from '../../src/source/aborted-filter.ts'
import { FrameBudget } from '../../src/source/frame-lease.ts'
import { TopicWatcher } from '../../src/source/topic-watcher.ts'
import { d01 } from './drills/d01-kill-at-every-step.ts'
import { d20 } from './drills/d20-d45-bounces.ts'
import { d23 } from './drills/d23-d24-retention.ts'
import { d31 } from './drills/d31-transactions.ts'
import { d47 } from './drills/d47-target-away.ts'
import { d48 } from './drills/d48-slow-target.ts'
import { d85 } from './drills/d85-d87-in-step.ts'
import { d90 } from './drills/d90-group-offsets.ts'
import { logBugs } from './log-bugs.ts'
import { type PlantedBug, replaced, replacedGetter, together } from './planted-bug.ts'
import { raftBugs } from './raft-bugs.ts'
import { replicationBugs } from './replication-bugs.ts'
import type { Scenario } from './scenario.ts'
import { lateWords, mirrorScenario } from './scenarios/mirror.ts'
import { powerWithoutSync, transactions } from './scenarios/transactions.ts'

const [plainDeaths, transactionDeaths, deliveryDeaths] = d01 as [Scenario, Scenario, Scenario]
const d23Skip = d23[1]!

/** The machine's cache is lost whenever a process on it dies. */
const forgetful = (machine: string) => () =>
  replaced(
    SimMachine.prototype,
    'kill',
    (original) =>
      function (this: SimMachine) {
        if (this.name === machine) this.cutPower()
        else original.call(this)
      },
  )

const withoutProducerChecks = () =>
  replaced(ProducerState.prototype, 'check', () => () => ({
    error: 0,
    message: '',
    duplicate: undefined,
    entries: new Map(),
    started: [],
    completed: [],
  }))

export const plantedBugs: readonly PlantedBug[] = [
  ...raftBugs,
  ...replicationBugs,
  ...logBugs,
  {
    name: 'the target does not compare sequences',
    scenario: lateWords,
    finds: /duplicate|unseen|lost/,
    seed: 1,
    plant: withoutProducerChecks,
  },
  {
    name: 'an offset is translated to its neighbour',
    scenario: mirrorScenario,
    finds: /skipped/,
    seed: 1,
    plant: () =>
      replaced(
        OffsetMap.prototype,
        'translate',
        (original) =>
          function (this: OffsetMap, upstream: number) {
            const found = original.call(this, upstream)
            return found !== undefined && upstream % 97 === 96 ? found + 1 : found
          },
      ),
  },
  {
    name: 'the source forgets what it acknowledged',
    scenario: mirrorScenario,
    finds: /lost at east|unseen/,
    seed: 1,
    plant: forgetful('east'),
  },
  {
    name: 'the target forgets what it acknowledged',
    scenario: mirrorScenario,
    finds: /unseen/,
    seed: 1,
    plant: forgetful('west'),
  },
  {
    name: 'a broker that may lose its power does not sync',
    scenario: powerWithoutSync,
    finds: /lost|torn|unseen/,
    seed: 1,
    plant: () => () => {},
  },
  {
    name: 'the markers of a decision are forgotten',
    scenario: transactions,
    finds: /unseen|lost/,
    seed: 3,
    plant: () => {
      let decisions = 0
      return replaced(
        MarkerWriter.prototype,
        'follow',
        (original) =>
          function (this: MarkerWriter, record) {
            if (record.value?.state !== 'PrepareCommit' || ++decisions % 40 !== 0) original.call(this, record)
          },
      )
    },
  },
  {
    name: 'a coordinator forgets, in a restart, what it had decided',
    scenario: transactions,
    finds: /unseen/,
    seed: 1,
    plant: () =>
      replaced(
        TransactionMachine.prototype,
        'loaded',
        (original) =>
          function (this: TransactionMachine, nowMs) {
            original.call(this, nowMs)
            return { records: [], replies: [], timers: [] }
          },
      ),
  },
  {
    name: 'coordinator and log let the dead go on writing',
    scenario: transactions,
    finds: /unseen|torn|aborted|precommitted/,
    seed: 17,
    plant: together(
      () =>
        replaced(
          TransactionMachine.prototype,
          'handle',
          (original) =>
            function (this: TransactionMachine, id, command, nowMs) {
              const effects = original.call(this, id, command, nowMs)
              if (command.type !== 'add-partitions') return effects
              return { ...effects, replies: effects.replies.map((one) => ({ ...one, reply: { errorCode: 0 } })) }
            },
        ),
      () =>
        replaced(
          ProducerState.prototype,
          'check',
          (original) =>
            function (this: ProducerState, batches) {
              return original.call(this, batches, 'replication')
            },
        ),
    ),
  },
  // ---- the mirror
  {
    name: 'what was aborted is mirrored',
    scenario: d31,
    finds: /phantom at west/,
    seed: 1,
    plant: () =>
      replaced(
        AbortedFilter.prototype,
        'verdict',
        (original) =>
          function (this: AbortedFilter, batch) {
            const verdict = original.call(this, batch)
            return verdict === 'aborted' ? 'keep' : verdict
          },
      ),
  },
  {
    name: 'the translation forgets the holes that markers leave',
    scenario: d31,
    finds: /skipped/,
    seed: 1,
    plant: () =>
      replaced(
        OffsetMap.prototype,
        'translate',
        (original) =>
          function (this: OffsetMap, upstream: number) {
            const found = original.call(this, upstream)
            return found === undefined ? undefined : Math.max(found, Math.min(upstream, this.nextDownstream))
          },
      ),
  },
  {
    name: 'a group is put one record too far, now and then',
    scenario: d90,
    finds: /skipped|overcommit/,
    seed: 1,
    plant: () =>
      replaced(
        OffsetMap.prototype,
        'translate',
        (original) =>
          function (this: OffsetMap, upstream: number) {
            const found = original.call(this, upstream)
            return found !== undefined && found % 5 === 0 ? found + 1 : found
          },
      ),
  },
  {
    name: 'progress is said to be durable, and is not',
    scenario: transactionDeaths,
    finds: /unseen|lost|duplicate/,
    seed: 1,
    plant: () => {
      const isUnlucky = everyNth(5)
      return replaced(
        SlotLog.prototype,
        'writeThen',
        (original) =>
          function (this: SlotLog, records, done) {
            if (isUnlucky()) done(undefined)
            else original.call(this, records, done)
          },
      )
    },
  },
  {
    name: 'progress is not committed with what it is of, now and then',
    scenario: deliveryDeaths,
    finds: /duplicate|lost|unseen/,
    seed: 1,
    plant: () => {
      const isUnlucky = everyNth(10)
      return replaced(
        MirroredPartition.prototype,
        'takeProgress',
        (original) =>
          function (this: MirroredPartition) {
            const records = original.call(this)
            return isUnlucky() ? [] : records
          },
      )
    },
  },
  {
    name: 'who may read at the source may write to the copy',
    scenario: d85,
    finds: /acl-widened/,
    seed: 1,
    plant: () =>
      replaced(
        AclSync.prototype,
        'plan',
        (original) =>
          async function (this: AclSync) {
            const plan = await original.call(this)
            if (typeof plan === 'string') return plan
            const { READ, WRITE } = ACL_OPERATION
            return {
              ...plan,
              make: plan.make.map((acl) => (acl.operation === READ ? { ...acl, operation: WRITE } : acl)),
            }
          },
      ),
  },
  {
    name: 'what is denied at the source is not denied at the copy',
    scenario: d85,
    finds: /acl-widened/,
    seed: 3,
    plant: () =>
      replaced(
        AclSync.prototype,
        'plan',
        (original) =>
          async function (this: AclSync) {
            const plan = await original.call(this)
            if (typeof plan === 'string') return plan
            return { ...plan, make: plan.make.filter(({ permissionType }) => permissionType === ACL_PERMISSION.ALLOW) }
          },
      ),
  },
  {
    name: 'what is taken back at the source stays set at the copy',
    scenario: d85,
    finds: /config-drift/,
    seed: 1,
    plant: () =>
      replaced(
        ConfigSync.prototype,
        'plan',
        (original) =>
          async function (this: ConfigSync) {
            const { changes, unreadable } = await original.call(this)
            const set = [...changes].map(
              ([topic, list]) => [topic, list.filter(({ value }) => value !== null)] as const,
            )
            return { changes: new Map(set), unreadable }
          },
      ),
  },
  {
    name: 'a gap is not written down',
    scenario: d23Skip,
    finds: /gap-unreported/,
    seed: 1,
    plant: () => replaced(GapLedger.prototype, 'write', () => async (gap) => gap),
  },
  {
    name: 'a gap is written down as longer than it is',
    scenario: d23Skip,
    finds: /gap-overreported/,
    seed: 1,
    plant: () =>
      replaced(
        GapLedger.prototype,
        'write',
        (original) =>
          function (this: GapLedger, gap) {
            return original.call(this, { ...gap, to: gap.to + 1 })
          },
      ),
  },
  {
    name: 'after a doubt the mirror goes on one record too far',
    scenario: mirrorScenario,
    finds: /lost/,
    seed: 3,
    plant: () =>
      replaced(
        PartitionMirror.prototype,
        'resume',
        (original) =>
          function (this: PartitionMirror, targetEnd, options) {
            original.call(this, targetEnd, options)
            if (targetEnd % 7 === 3) original.call(this, targetEnd, { ...options, upstream: this.map.nextUpstream + 1 })
          },
      ),
  },
  {
    name: 'nothing bounds what is fetched',
    scenario: d48,
    finds: /unbounded/,
    seed: 1,
    plant: () => replacedGetter(FrameBudget.prototype, 'isFull', () => () => false),
  },
  {
    name: 'nobody waits before he tries again',
    scenario: d47,
    finds: /unbounded/,
    seed: 1,
    // What it does in no time takes its time to play.
    seconds: 15,
    plant: () => replaced(Backoff.prototype, 'next', () => () => 1),
  },
  {
    name: 'topics are looked for once only',
    scenario: plainDeaths,
    finds: /unseen/,
    seed: 1,
    plant: () =>
      replaced(
        TopicWatcher.prototype,
        'start',
        (original) =>
          function (this: TopicWatcher) {
            original.call(this)
            queueMicrotask(() => void this.stop())
          },
      ),
  },
  {
    name: 'batches are sent in another order, to a target that does not compare sequences',
    scenario: mirrorScenario,
    finds: /invariant 1: answers came out of order/,
    seed: 1,
    plant: together(withoutProducerChecks, () => {
      let held: OutgoingBatch | undefined
      const isUnlucky = everyNth(40)
      return replaced(
        PartitionMirror.prototype,
        'take',
        (original) =>
          function (this: PartitionMirror) {
            const batch = original.call(this)
            if (held) {
              const swapped = held
              held = undefined
              return swapped
            }
            if (!batch || !isUnlucky()) return batch
            held = batch
            return original.call(this) ?? batch
          },
      )
    }),
  },
  // ---- the broker
  {
    name: 'readers of committed data are shown what is not decided',
    scenario: d31,
    finds: /phantom|precommitted|aborted/,
    seed: 1,
    plant: () =>
      replacedGetter(
        PartitionLog.prototype,
        'lastStableOffset',
        () =>
          function (this: PartitionLog) {
            return this.highWatermark
          },
      ),
  },
  {
    name: 'a write is acknowledged and not made, now and then',
    scenario: d20,
    finds: /offset-conflict|lost/,
    seed: 1,
    plant: () => {
      const isUnlucky = everyNth(200)
      return replaced(
        PartitionLog.prototype,
        'append',
        (original) =>
          function (this: PartitionLog, batches, options) {
            if (options.origin !== 'client' || batches[0]!.producerId >= 0 || !isUnlucky())
              return original.call(this, batches, options)
            const { logEndOffset: baseOffset, logStartOffset } = this
            return {
              error: 0,
              baseOffset,
              lastOffset: baseOffset - 1,
              logAppendTime: -1,
              logStartOffset,
              duplicate: false,
            }
          },
      )
    },
  },
  {
    name: 'a broker stores times that it rounds, now and then',
    scenario: mirrorScenario,
    finds: /mutated at west/,
    seed: 1,
    plant: () => {
      const isUnlucky = everyNth(50)
      return replaced(
        PartitionLog.prototype,
        'append',
        (original) =>
          function (this: PartitionLog, batches, options) {
            const [batch] = batches
            // Of the mirror: whoever else writes here has no producer id.
            if (
              !batch ||
              batch.producerId < 0 ||
              options.origin !== 'client' ||
              batch.records()[0]?.key == null ||
              !isUnlucky()
            )
              return original.call(this, batches, options)
            const rounded = batch
              .records()
              .map((record) => ({ ...record, timestamp: record.timestamp - (record.timestamp % 1000) }))
            const { producerId, producerEpoch, baseSequence } = batch
            const bytes = buildBatch(rounded, { producerId, producerEpoch, baseSequence, baseOffset: batch.baseOffset })
            return original.call(this, [new RecordBatch(Buffer.from(bytes))], options)
          },
      )
    },
  },
  {
    name: 'of an abort every third is a commit',
    scenario: transactions,
    finds: /aborted/,
    seed: 1,
    plant: () => {
      const isUnlucky = everyNth(3)
      return replaced(
        MarkerWriter.prototype,
        'follow',
        (original) =>
          function (this: MarkerWriter, record) {
            if (record.value?.state === 'PrepareAbort' && isUnlucky())
              original.call(this, { ...record, value: { ...record.value, state: 'PrepareCommit' } })
            else original.call(this, record)
          },
      )
    },
  },
  {
    name: 'a log that was not closed in good order loses its end',
    scenario: d20,
    finds: /lost|offset-conflict/,
    seed: 1,
    plant: () =>
      replaced(
        PartitionLog,
        'open',
        (original) =>
          function (this: typeof PartitionLog, disk, directory, options) {
            const log = original.call(this, disk, directory, options)
            if (/orders|events/.test(directory) && options.state?.cleanShutdown !== true)
              log.truncateTo(Math.max(0, log.logEndOffset - 3))
            return log
          },
      ),
  },
]

function everyNth(n: number): () => boolean {
  let count = 0
  return () => ++count % n === 0
}
