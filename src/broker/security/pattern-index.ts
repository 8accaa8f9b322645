import { PATTERN, WILDCARD } from './acl.ts'

/**
 * Values by resource pattern, found by the names that the patterns cover: as many look-ups as there are lengths of prefixes, however
 * many patterns there are.
 *
 * 1. `#lengths` counts the prefixes of each length, and has no length with none.
 */
export class PatternIndex<Value> {
  readonly literals = new Map<string, Value>()
  readonly prefixes = new Map<string, Value>()
  readonly #lengths = new Map<number, number>()

  get isEmpty(): boolean {
    return this.literals.size === 0 && this.prefixes.size === 0
  }

  get(patternType: number, name: string): Value | undefined {
    return this.#of(patternType).get(name)
  }

  set(patternType: number, name: string, value: Value): void {
    if (patternType === PATTERN.PREFIXED && !this.prefixes.has(name)) this.#count(name.length, 1)
    this.#of(patternType).set(name, value)
  }

  delete(patternType: number, name: string): void {
    const deleted = this.#of(patternType).delete(name)
    if (deleted && patternType === PATTERN.PREFIXED) this.#count(name.length, -1)
  }

  /** The values of all patterns that cover the name. */
  covering(name: string): Value[] {
    const found: Value[] = []
    const literal = this.literals.get(name)
    if (literal !== undefined) found.push(literal)
    const wildcard = name === WILDCARD ? undefined : this.literals.get(WILDCARD)
    if (wildcard !== undefined) found.push(wildcard)
    for (const length of this.#lengths.keys()) {
      const prefixed = length > name.length ? undefined : this.prefixes.get(name.slice(0, length))
      if (prefixed !== undefined) found.push(prefixed)
    }
    return found
  }

  #of(patternType: number): Map<string, Value> {
    return patternType === PATTERN.PREFIXED ? this.prefixes : this.literals
  }

  #count(length: number, change: number): void {
    const count = (this.#lengths.get(length) ?? 0) + change
    if (count === 0) this.#lengths.delete(length)
    else this.#lengths.set(length, count)
  }
}
