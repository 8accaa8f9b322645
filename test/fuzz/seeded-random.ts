import type { Random } from '../../src/platform/platform.ts'

/** Chance that a seed replays: sfc32, of four words that the seed's text is hashed into. */
export class SeededRandom implements Random {
  #a: number
  #b: number
  #c: number
  #counter = 1

  constructor(seed: string) {
    let hash = 0x811c9dc5
    const word = () => {
      for (const character of seed) hash = Math.imul(hash ^ character.codePointAt(0)!, 0x01000193)
      return hash ^ (hash >>> 15)
    }
    this.#a = word()
    this.#b = word()
    this.#c = word()
    for (let warm = 0; warm < 12; warm++) this.#next()
  }

  fraction(): number {
    return this.#next() / 0x1_0000_0000
  }

  bytes(length: number): Buffer {
    const bytes = Buffer.alloc(length)
    for (let at = 0; at < length; at++) bytes[at] = this.#next()
    return bytes
  }

  /** 0 ≤ n < `limit`. */
  below(limit: number): number {
    return Math.floor(this.fraction() * limit)
  }

  chance(probability: number): boolean {
    return this.fraction() < probability
  }

  pick<T>(choices: readonly T[]): T {
    return choices[this.below(choices.length)]!
  }

  #next(): number {
    const sum = (this.#a + this.#b + this.#counter++) | 0
    this.#a = this.#b ^ (this.#b >>> 9)
    this.#b = (this.#c + (this.#c << 3)) | 0
    this.#c = ((this.#c << 21) | (this.#c >>> 11)) + sum
    this.#c |= 0
    return sum >>> 0
  }
}
