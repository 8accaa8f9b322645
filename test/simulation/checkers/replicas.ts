import type { PartitionLog } from '../../../src/broker/log/partition-log.ts'
import { splitBatches } from '../../../src/records/record-batch.ts'
import { checkAgreement } from '../../oracle/growth.ts'
import { contentOf } from '../../oracle/seen-record.ts'
import { Findings, type Violation } from '../../oracle/violation.ts'
import type { Checker } from '../scenario.ts'
import type { World } from '../world.ts'

const READ_BYTES = 1024 * 1024

/** All replicas of all partitions, the internal ones too, hold the same. */
export const replicasAgree = replicasAgreeWithin(120_000)

/** As soon as they do, or after so long. */
export function replicasAgreeWithin(limitMs: number): Checker {
  return (world) => checkReplicas(world, limitMs)
}

async function checkReplicas(world: World, limitMs: number): Promise<Violation[]> {
  const violations: Violation[] = []
  for (const cluster of world.clusters.values()) {
    if (cluster.brokers.length === 1) continue
    await world.outcome(cluster.operator.refresh())
    const partitions = [...cluster.operator.topics().values()].flatMap(({ name, partitions: all }) =>
      all.map(({ partitionIndex: partition, replicaNodes }) => ({
        topic: name,
        partition,
        copies: replicaNodes.length,
      })),
    )
    const logs = () => partitions.map(({ topic, partition }) => cluster.replicasOf(topic, partition))
    const isLevel = (replicas: readonly PartitionLog[], copies: number) =>
      replicas.length === copies &&
      new Set(replicas.map(({ logEndOffset }) => logEndOffset)).size === 1 &&
      replicas.every(({ logEndOffset, highWatermark }) => highWatermark === logEndOffset)
    const isSettled = await world.until(
      () => logs().every((one, index) => isLevel(one, partitions[index]!.copies)),
      limitMs,
    )
    const findings = new Findings(cluster.name)
    for (const [index, replicas] of logs().entries()) {
      const { topic, partition, copies } = partitions[index]!
      const states = replicas.map(({ logEndOffset, highWatermark }) => `${highWatermark} of ${logEndOffset}`).join(', ')
      if (!isSettled && !isLevel(replicas, copies))
        findings.add('unseen', `${topic}-${partition}: its replicas are at ${states}`)
      violations.push(...checkAgreement(cluster.logName(topic, partition), replicas.map(contentsOf)))
    }
    violations.push(...findings.violations())
  }
  return violations
}

function contentsOf(log: PartitionLog): { offset: number; content: string }[] {
  const contents: { offset: number; content: string }[] = []
  for (let at = log.logStartOffset; at < log.highWatermark; ) {
    const read = log.read(at, READ_BYTES, { isolation: 'read_uncommitted', minOneMessage: true })
    if (!('batches' in read)) throw new Error(`${at} cannot be read: ${read.message}`)
    const { batches } = splitBatches(Buffer.concat(read.batches))
    if (batches.length === 0) break
    for (const batch of batches)
      for (const record of batch.records())
        contents.push({ offset: record.offset, content: `${batch.partitionLeaderEpoch} ${contentOf(record)}` })
    at = batches.at(-1)!.nextOffset
  }
  return contents
}
