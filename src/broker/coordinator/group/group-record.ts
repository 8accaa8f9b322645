/** What a group's log holds: committed offsets and the group's own state; a null value is a tombstone. */
export type GroupRecord =
  | {
      readonly type: 'offset-commit'
      readonly groupId: string
      readonly topic: string
      readonly partition: number
      readonly value: CommittedOffset | null
    }
  | { readonly type: 'group-metadata'; readonly groupId: string; readonly value: GroupMetadataValue | null }

export interface CommittedOffset {
  readonly offset: number
  /** −1: the consumer did not say. */
  readonly leaderEpoch: number
  readonly metadata: string
  readonly commitTimestamp: number
  /** −1: the group's retention holds; else the very moment, as old clients could ask. */
  readonly expireTimestamp: number
}

export interface GroupMetadataValue {
  readonly protocolType: string
  readonly generation: number
  readonly protocol: string | null
  readonly leader: string | null
  readonly currentStateTimestamp: number
  readonly members: readonly {
    readonly memberId: string
    readonly groupInstanceId: string | null
    readonly clientId: string
    readonly clientHost: string
    readonly rebalanceTimeout: number
    readonly sessionTimeout: number
    readonly subscription: Buffer
    readonly assignment: Buffer
  }[]
}
