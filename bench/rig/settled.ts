import { setTimeout as delay } from 'node:timers/promises'
import type { TopicPartitions } from './cluster-ends.ts'
import type { Rig } from './rig.ts'

const pollMs = 10

/**
 * Resolves to the moment at which the target's topics held `records` between them. To ask for the ends of a thousand partitions
 * costs the broker milliseconds: whoever waits for seconds polls seldom.
 */
export async function settled(
  rig: Rig,
  topics: readonly TopicPartitions[],
  records: number,
  options: { alive?: () => boolean; pollMs?: number; timeoutMs?: number } = {},
): Promise<number> {
  const deadline = performance.now() + (options.timeoutMs ?? 240_000)
  for (;;) {
    const count = await rig.targetEnds.count(topics)
    if (count >= records) return performance.now()
    if (options.alive?.() === false) throw new Error(`the mirror ended at ${count} of ${records} records`)
    if (performance.now() > deadline) throw new Error(`the mirror stopped at ${count} of ${records} records`)
    await delay(options.pollMs ?? pollMs)
  }
}
