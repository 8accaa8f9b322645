// Which cluster each name of a configuration leads to. Two names of one cluster would hide a ring from every rule that knows
// clusters by their names, so the second is refused, wherever it is used.

export class ClusterAliases {
  #order: readonly string[]
  readonly #ids = new Map<string, string>()
  readonly #watchers = new Set<() => void>()

  /** All names, in the order of the file: of two names of one cluster the later is at fault. */
  constructor(order: readonly string[]) {
    this.#order = order
  }

  /** The names of another file; some of them may lead elsewhere now. */
  name(order: readonly string[], elsewhere: readonly string[]): void {
    this.#order = order
    for (const alias of elsewhere) this.#ids.delete(alias)
  }

  /** What a cluster says that it is; null: it does not say. */
  learn(alias: string, clusterId: string | null): void {
    if (clusterId === null || this.#ids.get(alias) === clusterId) return
    this.#ids.set(alias, clusterId)
    for (const watcher of this.#watchers) watcher()
  }

  /** A sentence that names both, when a name that stands before one of these leads to the same cluster. */
  problem(...aliases: readonly string[]): string | undefined {
    for (const alias of aliases) {
      const id = this.#ids.get(alias)
      const first = this.#order.find((other) => id !== undefined && this.#ids.get(other) === id)
      if (first !== undefined && first !== alias) return `${first} and ${alias} are one cluster, ${id}: name it once`
    }
    return undefined
  }

  /** Called whenever more is known, until the function that is returned is called. */
  watch(watcher: () => void): () => void {
    this.#watchers.add(watcher)
    return () => this.#watchers.delete(watcher)
  }
}
