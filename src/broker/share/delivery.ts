/** With the numbers of records and requests (Kafka's RecordState). */
export const DELIVERY_STATE = { AVAILABLE: 0, ACQUIRED: 1, ACKNOWLEDGED: 2, ARCHIVED: 4 } as const

type DeliveryState = (typeof DELIVERY_STATE)[keyof typeof DELIVERY_STATE]

/** What a member says of a record that it has (Kafka's AcknowledgeType). */
export const ACKNOWLEDGE = { GAP: 0, ACCEPT: 1, RELEASE: 2, REJECT: 3, RENEW: 4 } as const

/** Offsets from first to last, both included. */
export interface OffsetRange {
  readonly firstOffset: number
  readonly lastOffset: number
}

export interface AcquiredRecords extends OffsetRange {
  readonly deliveryCount: number
}

/** What is durable of a range. */
export interface StateBatch extends OffsetRange {
  readonly deliveryState: number
  readonly deliveryCount: number
}

export interface Acknowledgement extends OffsetRange {
  /** One for the whole range, or one for each offset. */
  readonly acknowledgeTypes: readonly number[]
}

export interface ReadRange extends OffsetRange {
  /** Nobody is to have it: the end of a transaction, or what an aborted one wrote. */
  readonly isHidden: boolean
}

export interface AcquireLimits {
  /** Whole batches are given until there are so many. */
  readonly maxRecords: number
  /** Not one more than that, even if it cuts a batch. */
  readonly isExact: boolean
  readonly lockedUntilMs: number
}

/** Offsets in the same state. */
interface Run extends OffsetRange {
  readonly state: DeliveryState
  readonly deliveryCount: number
  /** Who has it, while it is acquired, and until when. */
  readonly memberId: string
  readonly lockedUntilMs: number
}

/** In Kafka's words. */
export interface AcknowledgeRefusal {
  readonly code: 'INVALID_RECORD_STATE' | 'INVALID_REQUEST'
  readonly message: string
}

const NOT_ACQUIRED: AcknowledgeRefusal = {
  code: 'INVALID_RECORD_STATE',
  message: 'The offset cannot be acknowledged. The offset is not acquired.',
}
const NOT_OWNER: AcknowledgeRefusal = { code: 'INVALID_RECORD_STATE', message: 'Member is not the owner of offset' }

function past(which: 'first' | 'last'): AcknowledgeRefusal {
  const message = `Batch record not found. The ${which} offset in request is past acquired records.`
  return { code: 'INVALID_REQUEST', message }
}

const NOBODY = { memberId: '', lockedUntilMs: Number.POSITIVE_INFINITY } as const

/**
 * How far a share group is with one partition (KIP-932): which records are done, which some member has, which are to be had.
 *
 * 1. The runs are ascending and cover exactly the offsets from `startOffset` to before `endOffset`; what is from there on nobody had yet.
 * 2. The first run is neither acknowledged nor archived: the start follows what is done.
 * 3. No two members have the same record: only what is available is acquired, and only who acquired it may acknowledge it.
 */
export class Delivery {
  #startOffset: number
  #runs: Run[] = []

  constructor(startOffset: number, batches: readonly StateBatch[]) {
    this.#startOffset = startOffset
    for (const { firstOffset, lastOffset, deliveryState, deliveryCount } of batches) {
      if (lastOffset < this.endOffset) continue
      const state =
        deliveryState === DELIVERY_STATE.ACQUIRED ? DELIVERY_STATE.AVAILABLE : (deliveryState as DeliveryState)
      this.#extendTo(firstOffset)
      this.#runs.push({ firstOffset: this.endOffset, lastOffset, state, deliveryCount, ...NOBODY })
    }
    this.#advance()
  }

  get startOffset(): number {
    return this.#startOffset
  }

  get endOffset(): number {
    const last = this.#runs.at(-1)
    return last ? last.lastOffset + 1 : this.#startOffset
  }

  /** From where on to read for whoever comes next. */
  get nextFetchOffset(): number {
    return this.#runs.find(({ state }) => state === DELIVERY_STATE.AVAILABLE)?.firstOffset ?? this.endOffset
  }

  /** How many records beyond the start are done (KIP-1226). */
  get completeCount(): number {
    let count = 0
    for (const run of this.#runs) if (isDone(run)) count += run.lastOffset - run.firstOffset + 1
    return count
  }

  /** When the first lock ends; Infinity: there is none. */
  get nextLockEndMs(): number {
    return Math.min(Number.POSITIVE_INFINITY, ...this.#runs.map(({ lockedUntilMs }) => lockedUntilMs))
  }

  /** Gives the member what is available of the ranges, which were read one after the other from `fetchOffset` on. */
  acquire(
    memberId: string,
    fetchOffset: number,
    ranges: readonly ReadRange[],
    limits: AcquireLimits,
  ): AcquiredRecords[] {
    const acquired: AcquiredRecords[] = []
    let missing = limits.maxRecords
    let position = Math.max(fetchOffset, this.#startOffset)
    for (const { firstOffset, lastOffset, isHidden } of ranges) {
      if (lastOffset < position) continue
      if (missing <= 0) break
      // Compaction left nothing there.
      if (firstOffset > position) this.#archive({ firstOffset: position, lastOffset: firstOffset - 1 })
      const range = { firstOffset: Math.max(firstOffset, position), lastOffset }
      if (isHidden) this.#archive(range)
      else {
        const taken = this.#take(
          memberId,
          range,
          limits.isExact ? missing : Number.POSITIVE_INFINITY,
          limits.lockedUntilMs,
        )
        acquired.push(...taken)
        for (const each of taken) missing -= each.lastOffset - each.firstOffset + 1
      }
      position = lastOffset + 1
    }
    this.#advance()
    return acquired
  }

  /** Why the member does not have all that it speaks of; what lies before the start is settled whatever it says. */
  refusal(memberId: string, batches: readonly OffsetRange[]): AcknowledgeRefusal | undefined {
    const said: OffsetRange[] = []
    for (const batch of batches) {
      const firstOffset = Math.max(batch.firstOffset, this.#startOffset)
      const { lastOffset } = batch
      if (lastOffset < firstOffset) continue
      if (firstOffset >= this.endOffset) return past('first')
      if (lastOffset >= this.endOffset) return past('last')
      const touches = (range: OffsetRange) => range.lastOffset >= firstOffset && range.firstOffset <= lastOffset
      if (said.some(touches)) return NOT_ACQUIRED
      said.push({ firstOffset, lastOffset })
      const touched = this.#runs.filter(touches)
      if (touched.some((run) => run.state !== DELIVERY_STATE.ACQUIRED)) return NOT_ACQUIRED
      if (touched.some((run) => run.memberId !== memberId)) return NOT_OWNER
    }
    return undefined
  }

  /** Carries out what `refusal` has let pass; returns what must be made durable. */
  acknowledge(batches: readonly Acknowledgement[], deliveryCountLimit: number, renewedUntilMs: number): StateBatch[] {
    const changed: StateBatch[] = []
    for (const batch of batches) {
      for (const { type, ...range } of typedRanges(batch)) {
        if (type === ACKNOWLEDGE.RENEW) this.#change(range, (run) => ({ ...run, lockedUntilMs: renewedUntilMs }))
        else changed.push(...this.#settle(range, (run) => settled(run, type, deliveryCountLimit)))
      }
    }
    this.#advance()
    return changed
  }

  /** The member goes: what it has can be had by others, or is given up when it was had too often. */
  releaseOf(memberId: string, deliveryCountLimit: number): StateBatch[] {
    return this.#releaseWhere((run) => run.memberId === memberId, deliveryCountLimit)
  }

  /** Releases what was not acknowledged in time. */
  releaseExpired(nowMs: number, deliveryCountLimit: number): StateBatch[] {
    return this.#releaseWhere((run) => run.lockedUntilMs <= nowMs, deliveryCountLimit)
  }

  /** The log begins later by now: what is before can be had no more. */
  startAtLeast(offset: number): boolean {
    if (offset <= this.#startOffset) return false
    if (offset < this.endOffset) {
      this.#split(offset)
      this.#runs = this.#runs.filter((run) => run.firstOffset >= offset)
    } else {
      this.#runs = []
    }
    this.#startOffset = offset
    this.#advance()
    return true
  }

  #take(memberId: string, range: OffsetRange, atMost: number, lockedUntilMs: number): AcquiredRecords[] {
    this.#extendTo(range.lastOffset + 1)
    const taken: AcquiredRecords[] = []
    let left = atMost
    for (const run of this.#within(range)) {
      if (run.state !== DELIVERY_STATE.AVAILABLE || left <= 0) continue
      const lastOffset = Math.min(run.lastOffset, run.firstOffset + left - 1)
      const deliveryCount = run.deliveryCount + 1
      left -= lastOffset - run.firstOffset + 1
      const part = { firstOffset: run.firstOffset, lastOffset }
      this.#change(part, (each) => ({
        ...each,
        state: DELIVERY_STATE.ACQUIRED,
        deliveryCount,
        memberId,
        lockedUntilMs,
      }))
      taken.push({ ...part, deliveryCount })
    }
    return taken
  }

  #archive(range: OffsetRange): void {
    this.#extendTo(range.lastOffset + 1)
    this.#change(range, (run) => {
      return run.state === DELIVERY_STATE.AVAILABLE ? { ...run, state: DELIVERY_STATE.ARCHIVED } : run
    })
  }

  #releaseWhere(matches: (run: Run) => boolean, deliveryCountLimit: number): StateBatch[] {
    const found = this.#runs.filter((run) => run.state === DELIVERY_STATE.ACQUIRED && matches(run))
    const changed = found.flatMap((range) => {
      return this.#settle(range, (run) => settled(run, ACKNOWLEDGE.RELEASE, deliveryCountLimit))
    })
    this.#advance()
    return changed
  }

  #settle(range: OffsetRange, change: (run: Run) => Run): StateBatch[] {
    return this.#change(range, change).map(({ firstOffset, lastOffset, state, deliveryCount }) => {
      return { firstOffset, lastOffset, deliveryState: state, deliveryCount }
    })
  }

  #change(range: OffsetRange, change: (run: Run) => Run): Run[] {
    const touched = new Set(this.#within(range))
    const changed: Run[] = []
    this.#runs = this.#runs.map((run) => {
      if (!touched.has(run)) return run
      const next = change(run)
      changed.push(next)
      return next
    })
    return changed
  }

  /** The runs of exactly the range, as far as there are some. */
  #within({ firstOffset, lastOffset }: OffsetRange): Run[] {
    this.#split(firstOffset)
    this.#split(lastOffset + 1)
    return this.#runs.filter((run) => run.firstOffset >= firstOffset && run.lastOffset <= lastOffset)
  }

  /** Makes a run begin at the offset. */
  #split(offset: number): void {
    const index = this.#runs.findIndex((run) => run.firstOffset < offset && run.lastOffset >= offset)
    if (index < 0) return
    const run = this.#runs[index]!
    this.#runs.splice(index, 1, { ...run, lastOffset: offset - 1 }, { ...run, firstOffset: offset })
  }

  #extendTo(endOffset: number): void {
    const firstOffset = this.endOffset
    if (endOffset <= firstOffset) return
    this.#runs.push({
      firstOffset,
      lastOffset: endOffset - 1,
      state: DELIVERY_STATE.AVAILABLE,
      deliveryCount: 0,
      ...NOBODY,
    })
  }

  /** Invariant 2; and neighbours in the same state become one. */
  #advance(): void {
    let done = 0
    while (done < this.#runs.length && isDone(this.#runs[done]!)) done++
    if (done > 0) {
      this.#startOffset = this.#runs[done - 1]!.lastOffset + 1
      this.#runs.splice(0, done)
    }
    const merged: Run[] = []
    for (const run of this.#runs) {
      const last = merged.at(-1)
      if (last && sameState(last, run)) merged[merged.length - 1] = { ...last, lastOffset: run.lastOffset }
      else merged.push(run)
    }
    this.#runs = merged
  }
}

function isDone({ state }: Run): boolean {
  return state === DELIVERY_STATE.ACKNOWLEDGED || state === DELIVERY_STATE.ARCHIVED
}

function sameState(one: Run, other: Run): boolean {
  return (
    one.state === other.state &&
    one.deliveryCount === other.deliveryCount &&
    one.memberId === other.memberId &&
    one.lockedUntilMs === other.lockedUntilMs
  )
}

function settled(run: Run, type: number, deliveryCountLimit: number): Run {
  const { firstOffset, lastOffset, deliveryCount } = run
  const rest = { firstOffset, lastOffset, deliveryCount, ...NOBODY }
  if (type === ACKNOWLEDGE.ACCEPT) return { ...rest, state: DELIVERY_STATE.ACKNOWLEDGED }
  const mayComeAgain = type === ACKNOWLEDGE.RELEASE && deliveryCount < deliveryCountLimit
  return { ...rest, state: mayComeAgain ? DELIVERY_STATE.AVAILABLE : DELIVERY_STATE.ARCHIVED }
}

/** Neighbouring offsets of the same type together. */
function typedRanges({
  firstOffset,
  lastOffset,
  acknowledgeTypes,
}: Acknowledgement): (OffsetRange & { type: number })[] {
  if (acknowledgeTypes.length === 1) return [{ firstOffset, lastOffset, type: acknowledgeTypes[0]! }]
  const ranges: (OffsetRange & { type: number })[] = []
  acknowledgeTypes.forEach((type, index) => {
    const offset = firstOffset + index
    const last = ranges.at(-1)
    if (last?.type === type) ranges[ranges.length - 1] = { ...last, lastOffset: offset }
    else ranges.push({ firstOffset: offset, lastOffset: offset, type })
  })
  return ranges
}
