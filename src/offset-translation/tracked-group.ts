// What is known of a group that is carried over, from pass to pass: where it stands at the source, where that is on the target, and what
// was written there. `tracked-groups.ts` has them all.
import { TopicPartition } from '../client/topic-partition.ts'
import type { Checkpoint } from './checkpoint.ts'
import { translatePosition } from './group-sync-rules.ts'
import type { OffsetMap } from './offset-map.ts'
import { RecentTimes, type TimesSeen } from './recent-times.ts'

export interface MirroredPartition {
  readonly map: OffsetMap
  /** The topic's name on the target. */
  readonly remoteTopic: string
}

export interface GroupStatus {
  readonly group: string
  /** `translated`: known, but not written to the group, which is in use on the target or not to be written. */
  readonly state: 'synced' | 'translated' | 'blocked'
  readonly partitions: readonly GroupPartitionStatus[]
  /** Of the last minute, how long it took to write its checkpoints. Milliseconds. */
  readonly checkpointTimes?: TimesSeen | undefined
}

interface GroupPartitionStatus {
  /** Its name on the source. */
  readonly topic: string
  readonly partition: number
  readonly remoteTopic: string
  /** What the group committed at the source. */
  readonly committed: number
  readonly translated: number | undefined
  /** What the group on the target has; undefined: nothing yet, or not known. */
  readonly onTarget: number | undefined
  /** Records that the group has read at the source and would read again on the target; undefined when it has no place there. */
  readonly reread: number | undefined
  /** When the group on the target was last known to be at this place or beyond, wall clock. */
  readonly writtenAt: number | undefined
  readonly ageSeconds: number | undefined
  readonly blocked: string | undefined
}

/** One group's position in one partition. */
export interface TrackedPosition {
  readonly source: TopicPartition
  readonly remote: TopicPartition
  /** What the group committed at the source. */
  offset: number
  metadata: string
  translated: number | undefined
  /** The group is further than the mirror: its place on the target moves on with what arrives. */
  isAhead: boolean
  checkpoint: Checkpoint | undefined
  onTarget: number | undefined
  writtenAt: number | undefined
  blocked: string | undefined
}

export class TrackedGroup {
  readonly group: string
  /** By the partition of the source. */
  readonly positions = new Map<TopicPartition, TrackedPosition>()
  /** Why it is not written on the target as a whole. */
  untouchable: string | undefined
  /** Something kept it from its place that may have passed a moment later. */
  isHeldUp = false
  /** How long it took to write its checkpoints. */
  readonly checkpointTimes = new RecentTimes()

  constructor(group: string) {
    this.group = group
  }

  /** Whether it has said the same before. */
  knows(source: TopicPartition, offset: number, metadata: string): boolean {
    const position = this.positions.get(source)
    return position !== undefined && position.offset === offset && position.metadata === metadata
  }

  place(source: TopicPartition, offset: number, metadata: string, mirrored: MirroredPartition): TrackedPosition {
    let position = this.positions.get(source)
    if (position?.remote.topic !== mirrored.remoteTopic) {
      position = newPosition(source, mirrored.remoteTopic)
      this.positions.set(source, position)
    }
    position!.offset = offset
    position!.metadata = metadata
    translate(position!, mirrored.map)
    return position!
  }

  get isAhead(): boolean {
    for (const { isAhead } of this.positions.values()) if (isAhead) return true
    return false
  }

  statusAt(nowMs: number): GroupStatus {
    const positions = [...this.positions.values()]
    const blocked = positions.some((position) => position.blocked !== undefined)
    const unwritten = this.untouchable !== undefined || positions.some(({ writtenAt }) => writtenAt === undefined)
    return {
      group: this.group,
      state: blocked ? 'blocked' : unwritten ? 'translated' : 'synced',
      partitions: positions.map((position) => partitionStatus(position, this.untouchable, nowMs)),
      checkpointTimes: this.checkpointTimes.seen(nowMs),
    }
  }
}

function newPosition(source: TopicPartition, remoteTopic: string): TrackedPosition {
  return {
    source,
    remote: TopicPartition.of(remoteTopic, source.partition),
    offset: -1,
    metadata: '',
    translated: undefined,
    isAhead: false,
    checkpoint: undefined,
    onTarget: undefined,
    writtenAt: undefined,
    blocked: undefined,
  }
}

function translate(position: TrackedPosition, map: OffsetMap): void {
  const { offset } = position
  const translation = translatePosition(map, offset)
  position.translated = translation?.downstream
  position.isAhead = translation?.exact === false
  position.blocked =
    translation === undefined
      ? `offset ${offset} is older than what is mirrored, which begins at ${map.lowestUpstream}`
      : undefined
}

/** At its place on the target when it was last looked at, or beyond. */
export function isInPlace({ translated, onTarget, isAhead }: TrackedPosition): boolean {
  return !isAhead && translated !== undefined && onTarget !== undefined && onTarget >= translated
}

const METADATA_BYTES_MAX = 32_767

export function checkpointOf(group: string, position: TrackedPosition): Checkpoint | undefined {
  const { source, remote, offset, metadata, translated } = position
  if (translated === undefined) return undefined
  return {
    group,
    topic: remote.topic,
    partition: source.partition,
    upstreamOffset: offset,
    downstreamOffset: translated,
    // MirrorMaker's format holds no more; the place counts more than the note.
    metadata: Buffer.byteLength(metadata) > METADATA_BYTES_MAX ? '' : metadata,
  }
}

function partitionStatus(
  { source, remote, offset, translated, onTarget, writtenAt, blocked }: TrackedPosition,
  untouchable: string | undefined,
  nowMs: number,
): GroupPartitionStatus {
  return {
    topic: source.topic,
    partition: source.partition,
    remoteTopic: remote.topic,
    committed: offset,
    translated,
    onTarget,
    reread: onTarget === undefined || translated === undefined ? undefined : Math.max(0, translated - onTarget),
    writtenAt,
    ageSeconds: writtenAt === undefined ? undefined : Math.max(0, nowMs - writtenAt) / 1_000,
    blocked: blocked ?? untouchable,
  }
}
