/**
 * What a group must know of the cluster. It is looked at while a command is decided, never in replay: what was decided by it is in the
 * records.
 */
export interface ClusterView {
  readonly topics: ReadonlyMap<string, TopicView>
  topicById(topicId: string): TopicView | undefined
  /** Rises whenever a topic comes, grows or goes. */
  readonly topicsVersion: number
  /** What was set for the group as a resource of its own (`kafka-configs --entity-type groups`). */
  groupConfigs(groupId: string): ReadonlyMap<string, string>
}

interface TopicView {
  readonly name: string
  readonly topicId: string
  readonly partitions: { readonly length: number }
}
