// Heartbeats: a record each second in the target's `heartbeats` topic that says "the pair source → target is alive", in
// MirrorMaker's format (key: both aliases; value: version 0 and a timestamp). Mirrored on by others, a heartbeat shows how
// far its cluster is away, in hops and in time.
import { internalRecord, type KeyValue, type MaybeKeyValue } from '../offset-translation/internal-record.ts'
import type { Clock } from '../platform/platform.ts'
import { int16, string, timestamp } from '../protocol/schema.ts'

export interface Heartbeat {
  readonly sourceAlias: string
  readonly targetAlias: string
  readonly timestamp: number
}

const layout = internalRecord(
  'Heartbeat',
  { sourceClusterAlias: string, targetClusterAlias: string },
  { version: int16, timestamp },
)

export function encodeHeartbeat(heartbeat: Heartbeat): KeyValue {
  return layout.encode(
    { sourceClusterAlias: heartbeat.sourceAlias, targetClusterAlias: heartbeat.targetAlias },
    { version: 0, timestamp: heartbeat.timestamp },
  )
}

export function decodeHeartbeat(record: MaybeKeyValue): Heartbeat | undefined {
  const decoded = layout.decode(record)
  if (decoded === undefined) return undefined
  const { sourceClusterAlias, targetClusterAlias } = decoded.key
  return { sourceAlias: sourceClusterAlias, targetAlias: targetClusterAlias, timestamp: decoded.value.timestamp }
}

/** Where heartbeats go: the internal topic of that name, or a test's. */
export interface HeartbeatTopic {
  write(records: readonly KeyValue[], signal?: AbortSignal): Promise<void>
}

/** One beat of the pair, on its target. */
export async function emitHeartbeat(
  clock: Clock,
  topic: HeartbeatTopic,
  pair: Pick<Heartbeat, 'sourceAlias' | 'targetAlias'>,
  signal?: AbortSignal,
): Promise<string> {
  await topic.write([encodeHeartbeat({ ...pair, timestamp: clock.now() })], signal)
  return `${pair.sourceAlias} to ${pair.targetAlias} is alive`
}
