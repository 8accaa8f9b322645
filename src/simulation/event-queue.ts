/** Something that will happen; the queue calls it once, unless it is cancelled before. */
export interface SimEvent {
  readonly at: number
  readonly order: number
  /** For the trace: what kind of thing it is. */
  readonly label: string
  readonly happen: () => void
  cancelled: boolean
}

/**
 * What lies ahead, earliest first; of the same moment, first come first served. A binary heap.
 *
 * 1. No event is earlier than its parent: `#heap[(i - 1) >> 1]` comes before `#heap[i]`.
 */
export class EventQueue {
  readonly #heap: SimEvent[] = []
  #order = 0

  get size(): number {
    return this.#heap.length
  }

  add(at: number, label: string, happen: () => void): SimEvent {
    const event: SimEvent = { at, order: this.#order++, label, happen, cancelled: false }
    const heap = this.#heap
    let place = heap.length
    heap.push(event)
    while (place > 0) {
      const parent = (place - 1) >> 1
      if (isBefore(heap[parent]!, event)) break
      heap[place] = heap[parent]!
      place = parent
    }
    heap[place] = event
    return event
  }

  /** The earliest event that was not cancelled, and is not later than `until`. */
  take(until: number): SimEvent | undefined {
    for (let first = this.#heap[0]; first !== undefined && first.at <= until; first = this.#heap[0]) {
      this.#removeFirst()
      if (!first.cancelled) return first
    }
    return undefined
  }

  #removeFirst(): void {
    const heap = this.#heap
    const last = heap.pop()!
    if (heap.length === 0) return
    let place = 0
    for (;;) {
      let child = 2 * place + 1
      if (child >= heap.length) break
      if (child + 1 < heap.length && isBefore(heap[child + 1]!, heap[child]!)) child++
      if (isBefore(last, heap[child]!)) break
      heap[place] = heap[child]!
      place = child
    }
    heap[place] = last
  }
}

function isBefore(one: SimEvent, other: SimEvent): boolean {
  return one.at < other.at || (one.at === other.at && one.order < other.order)
}
