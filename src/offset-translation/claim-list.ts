// Batches that opened runs and are not acknowledged yet. Each claims what stands at its place, if it is the one that landed
// there: after a crash two owners may have sent different batches for one place, and only one of them was appended.

/** Runs that all claims of a map may hold together: far above what a window in flight can leave behind. */
export const CLAIMED_RUNS_MAX = 65_536

/** Says what stands on the target from `downstream` on, if the batch that begins there has this CRC. */
export interface Claim {
  readonly downstream: number
  /** The CRC of the batch as it was sent. */
  readonly fingerprint: number
  /** The batch's records, in order and without a gap downstream. */
  readonly runs: readonly ClaimedRun[]
}

export interface ClaimedRun {
  readonly upstream: number
  readonly count: number
}

export function claimEnd(claim: Claim): number {
  return claim.runs.reduce((end, run) => end + run.count, claim.downstream)
}

/**
 * Invariants
 * 1. Fresh claims belong to the present plan, so they ascend, and agree with the runs of their map.
 * 2. Stale claims are left from plans before: they may contradict the present one, and each other.
 */
export class ClaimList {
  #fresh: Claim[] = []
  /** Fresh claims before this index are dropped. */
  #first = 0
  /** By place, places ascending. */
  #stale = new Map<number, Claim[]>()
  #runs = 0

  /** Runs of all claims together. */
  get runs(): number {
    return this.#runs
  }

  add(claim: Claim): void {
    this.#fresh.push(claim)
    this.#runs += claim.runs.length
  }

  hasStaleAt(downstream: number): boolean {
    return this.#stale.has(downstream)
  }

  staleAt(downstream: number): readonly Claim[] {
    return this.#stale.get(downstream) ?? []
  }

  *stale(): Generator<Claim> {
    for (const claims of this.#stale.values()) yield* claims
  }

  *all(): Generator<Claim> {
    yield* this.stale()
    for (let index = this.#first; index < this.#fresh.length; index++) yield this.#fresh[index]!
  }

  /** The plan they belong to is given up. */
  makeStale(): void {
    if (this.#first === this.#fresh.length) return
    const claims = [...this.all()].sort((a, b) => a.downstream - b.downstream)
    this.#fresh = []
    this.#first = 0
    this.#runs = 0
    this.#stale = new Map()
    for (const claim of claims) this.#addStale(claim)
  }

  /** Forgets the claims to places below; true when there were stale ones. */
  dropBelow(downstream: number): boolean {
    while (this.#first < this.#fresh.length && this.#fresh[this.#first]!.downstream < downstream)
      this.#runs -= this.#fresh[this.#first++]!.runs.length
    if (this.#first > 1024 && this.#first * 2 > this.#fresh.length) {
      this.#fresh = this.#fresh.slice(this.#first)
      this.#first = 0
    }
    let dropped = false
    for (const place of this.#stale.keys()) {
      if (place >= downstream) break
      this.dropStaleAt(place)
      dropped = true
    }
    return dropped
  }

  dropStaleAt(downstream: number): void {
    for (const claim of this.#stale.get(downstream) ?? []) this.#runs -= claim.runs.length
    this.#stale.delete(downstream)
  }

  /** What was planned from this place on came to stand further down; of stale claims, since nothing is fresh then. */
  displace(at: number, by: number): void {
    const claims = [...this.stale()]
    this.#stale = new Map()
    this.#runs = 0
    for (const claim of claims)
      this.#addStale(claim.downstream < at ? claim : { ...claim, downstream: claim.downstream + by })
  }

  #addStale(claim: Claim): void {
    const there = this.#stale.get(claim.downstream)
    // The same batch planned by several owners is one claim.
    if (there?.some(({ fingerprint }) => fingerprint === claim.fingerprint)) return
    if (there) there.push(claim)
    else this.#stale.set(claim.downstream, [claim])
    this.#runs += claim.runs.length
  }
}
