const NAME_LENGTH_MAX = 249

export const CONSUMER_OFFSETS = '__consumer_offsets'
export const TRANSACTION_STATE = '__transaction_state'
export const SHARE_GROUP_STATE = '__share_group_state'
export const CLUSTER_METADATA = '__cluster_metadata'

/** Topics that belong to the cluster; Metadata marks them and clients leave them alone. */
export function isInternalTopic(name: string): boolean {
  return name === CONSUMER_OFFSETS || name === TRANSACTION_STATE || name === SHARE_GROUP_STATE
}

/** Why Kafka would not take the name; undefined when it would. */
export function whyInvalidName(name: string): string | undefined {
  if (name === '') return 'Topic name is invalid: the empty string is not allowed'
  if (name === '.' || name === '..') return `Topic name is invalid: '${name}' is not allowed`
  if (name.length > NAME_LENGTH_MAX) {
    return `Topic name is invalid: the length of '${name}' is longer than the max allowed length ${NAME_LENGTH_MAX}`
  }
  if (!/^[a-zA-Z0-9._-]+$/.test(name)) {
    return `Topic name is invalid: '${name}' contains one or more characters other than ASCII alphanumerics, '.', '_' and '-'`
  }
  return undefined
}

/** Metric names turn `.` into `_`, so Kafka refuses two topics that would look the same there. */
export function collidingName(name: string, existing: Iterable<string>): string | undefined {
  if (!/[._]/.test(name)) return undefined
  const folded = name.replaceAll('.', '_')
  for (const other of existing) if (other !== name && other.replaceAll('.', '_') === folded) return other
  return undefined
}
