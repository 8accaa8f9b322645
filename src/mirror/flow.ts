// One mirroring job, as configured: plain values.
import type { ConfigRules } from './config-rules.ts'
import type { DataLossPolicy } from './gap.ts'
import type { Naming } from './replication-policy.ts'
import type { TopicRules } from './topic-filter.ts'

/** Where a topic without progress begins; timestamps in milliseconds. */
export type Start = 'earliest' | 'latest' | { readonly timestamp: number }

export interface Flow {
  readonly name: string
  readonly source: string
  readonly target: string
  readonly topics: TopicRules
  readonly naming?: Naming
  readonly separator?: string
  readonly isolation?: 'read_committed' | 'read_uncommitted'
  /** Records and progress in transactions, which are committed this often; absent: by sequences, without transactions. */
  readonly transactional?: { readonly commitIntervalMs: number }
  readonly start?: Start
  /** Other beginnings for some topics: the first that names the topic, exactly or by a pattern. */
  readonly startByTopic?: readonly { readonly topics: readonly string[]; readonly start: Start }[]
  /** The word under which this flow keeps its progress, when another flow between these clusters has the common topic. */
  readonly progress?: string
  readonly onDataLoss?: DataLossPolicy
  /** Goes on with the copies that this other mirror made, once it is stopped. */
  readonly takeOver?: 'mirrormaker'
  /** Which configs the copies get; false: the target's defaults. */
  readonly configs?: ConfigRules | false
  readonly replicationFactor?: 'source' | 'target-default' | number
  readonly refreshMs?: number
}
