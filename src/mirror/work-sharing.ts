// Who owns which slots. One instance alone owns all; several share them as members of a consumer group on the target.

export interface OwnershipListener {
  gained(slots: readonly number[]): void
  /** Another instance may own them from now on: nothing more may be sent for them. */
  lost(slots: readonly number[]): void
}

export interface SlotOwnership {
  start(slots: number, listener: OwnershipListener): Promise<void>
  stop(): Promise<void>
}

export class SoleOwner implements SlotOwnership {
  async start(slots: number, listener: OwnershipListener): Promise<void> {
    listener.gained(Array.from({ length: slots }, (_, slot) => slot))
  }

  async stop(): Promise<void> {}
}
