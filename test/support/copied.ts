// Whether a partition has arrived, as the oracle sees it.
import { expect } from 'vitest'
import type { ClusterClient } from '../../src/client/cluster-client.ts'
import { checkCopy } from '../oracle/copies.ts'
import { type SeenRecord, seenOf } from '../oracle/seen-record.ts'
import { endOffset, readAll, until } from './log-content.ts'

export interface PartitionAt {
  readonly client: ClusterClient
  readonly topic: string
  readonly partition?: number
}

/** Waits until the copy is as long as its original, then compares them record by record; the originals. */
export async function expectCopied(
  source: PartitionAt,
  target: PartitionAt,
  { what = () => '', timeoutMs }: { what?: () => string; timeoutMs?: number } = {},
): Promise<SeenRecord[]> {
  const original = await seen(source)
  const { client, topic, partition = 0 } = target
  await until(
    async () => (await endOffset(client, topic, partition)) >= original.length,
    () => `${topic}-${partition} has fewer than ${original.length} records ${what()}`,
    timeoutMs,
  )
  expect(checkCopy({ where: `${topic}-${partition}`, original, copy: await seen(target) })).toEqual([])
  return original
}

async function seen({ client, topic, partition = 0 }: PartitionAt): Promise<SeenRecord[]> {
  return seenOf(await readAll(client, topic, partition))
}
