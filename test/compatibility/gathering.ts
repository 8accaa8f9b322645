/** Things that arrive on their own time, for a case to wait for. */
export class Gathering<Item> {
  readonly items: Item[] = []
  readonly #waiting = new Set<() => void>()

  add(item: Item): void {
    this.items.push(item)
    for (const look of [...this.#waiting]) look()
  }

  /** Resolves once `condition` holds of the items; looks whenever one arrives. */
  until(condition: (items: readonly Item[]) => boolean, what: string, timeoutMs = 15_000): Promise<void> {
    return new Promise((resolve, reject) => {
      const settle = (error?: Error) => {
        clearTimeout(timer)
        this.#waiting.delete(look)
        if (error) reject(error)
        else resolve()
      }
      const look = () => {
        if (condition(this.items)) settle()
      }
      const timer = setTimeout(
        () =>
          settle(
            new Error(
              `${what}: not within ${timeoutMs} ms; there are ${this.items.length}: ${JSON.stringify(this.items).slice(0, 500)}`,
            ),
          ),
        timeoutMs,
      )
      this.#waiting.add(look)
      look()
    })
  }

  atLeast(count: number): Promise<void> {
    return this.until((items) => items.length >= count, `${count} items`)
  }
}

const retryMs = 25

/** What `attempt` resolves to once it does: a cluster's metadata is true only after a while. */
export async function eventually<Value>(attempt: () => Promise<Value>, timeoutMs = 15_000): Promise<Value> {
  const deadline = Date.now() + timeoutMs
  for (;;) {
    try {
      return await attempt()
    } catch (error) {
      if (Date.now() > deadline) throw error
    }
    await new Promise((resolve) => setTimeout(resolve, retryMs))
  }
}
