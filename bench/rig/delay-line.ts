/** Hands things on after a fixed time, in order: one direction of a long link without a limit on its bandwidth. */
export class DelayLine<Item> {
  readonly #delayMs: number
  readonly #deliver: (item: Item) => void
  readonly #line: { readonly due: number; readonly item: Item }[] = []
  #first = 0
  #waiting = false

  constructor(delayMs: number, deliver: (item: Item) => void) {
    this.#delayMs = delayMs
    this.#deliver = deliver
  }

  push(item: Item): void {
    if (this.#delayMs === 0) {
      this.#deliver(item)
      return
    }
    this.#line.push({ due: performance.now() + this.#delayMs, item })
    this.#wait()
  }

  #wait(): void {
    const next = this.#line[this.#first]
    if (this.#waiting || !next) return
    this.#waiting = true
    setTimeout(() => this.#release(), Math.max(0, next.due - performance.now()))
  }

  #release(): void {
    this.#waiting = false
    const now = performance.now()
    while (this.#first < this.#line.length && this.#line[this.#first]!.due <= now)
      this.#deliver(this.#line[this.#first++]!.item)
    if (this.#first === this.#line.length || this.#first > 1024) {
      this.#line.splice(0, this.#first)
      this.#first = 0
    }
    this.#wait()
  }
}
