/** The answers to one request for votes, or for pre-votes. */
export class Ballot {
  readonly preVote: boolean
  readonly #voters: readonly number[]
  readonly #granted = new Set<number>()
  readonly #rejected = new Set<number>()

  constructor(voters: readonly number[], preVote: boolean) {
    this.#voters = voters
    this.preVote = preVote
  }

  count(voter: number, isGranted: boolean): void {
    if (this.#voters.includes(voter)) (isGranted ? this.#granted : this.#rejected).add(voter)
  }

  get granting(): number[] {
    return this.#voters.filter((voter) => this.#granted.has(voter))
  }

  get isWon(): boolean {
    return this.#granted.size >= majorityOf(this.#voters.length)
  }

  /** Whether those who have not answered can no longer make it won. */
  get isLost(): boolean {
    return this.#voters.length - this.#rejected.size < majorityOf(this.#voters.length)
  }

  isOpenFor(voter: number): boolean {
    return !this.#granted.has(voter) && !this.#rejected.has(voter)
  }
}

export function majorityOf(count: number): number {
  return Math.floor(count / 2) + 1
}
