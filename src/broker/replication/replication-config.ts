// The broker properties of replication, under Kafka's names and with Kafka's defaults.

import type { ConfigDefinition } from '../config-definition.ts'
import type { ReplicaFetchLimits } from './replica-fetcher.ts'

const SELECTORS = 'org.apache.kafka.common.replica.'
const RACK_AWARE_SELECTOR = `${SELECTORS}RackAwareReplicaSelector`
const KNOWN_SELECTORS = ['', `${SELECTORS}LeaderSelector`, RACK_AWARE_SELECTOR]

export const REPLICATION_CONFIGS: readonly ConfigDefinition[] = [
  {
    name: 'replica.fetch.backoff.ms',
    type: 'INT',
    default: '1000',
    min: 0,
    doc: 'The longest pause of a follower after an error; the first is 10 ms, and each is twice the one before.',
  },
  {
    name: 'replica.fetch.max.bytes',
    type: 'INT',
    default: '1048576',
    min: 0,
    doc: 'The most that a follower fetches of one partition at once; a batch that is larger still comes.',
  },
  {
    name: 'replica.fetch.min.bytes',
    type: 'INT',
    default: '1',
    doc: 'The fetch of a follower waits for so much.',
  },
  {
    name: 'replica.fetch.response.max.bytes',
    type: 'INT',
    default: '10485760',
    min: 0,
    doc: 'The most that a follower fetches at once.',
  },
  {
    name: 'replica.fetch.wait.max.ms',
    type: 'INT',
    default: '500',
    doc: 'The longest that the fetch of a follower waits.',
  },
  {
    name: 'replica.lag.time.max.ms',
    type: 'LONG',
    default: '30000',
    min: 1,
    doc: 'A follower that has not been at the end of the log for so long is not in sync.',
  },
  {
    name: 'replica.selector.class',
    type: 'STRING',
    default: '',
    refuses: (value) =>
      KNOWN_SELECTORS.includes(value) ? undefined : `the only selector here is ${RACK_AWARE_SELECTOR}`,
    doc: 'Who serves consumers: empty or LeaderSelector, the leader; RackAwareReplicaSelector, a replica in sync in their rack.',
  },
  {
    name: 'replica.socket.timeout.ms',
    type: 'INT',
    default: '30000',
    min: 1,
    doc: 'A leader that does not answer a follower for so long is asked anew.',
  },
]

/** Whether consumers are sent to replicas in their rack (KIP-392). */
export function isRackAware(selector: string | undefined): boolean {
  return selector === RACK_AWARE_SELECTOR
}

export function replicaFetchLimits(number: (name: string) => number): ReplicaFetchLimits {
  return {
    maxWaitMs: number('replica.fetch.wait.max.ms'),
    minBytes: number('replica.fetch.min.bytes'),
    maxBytes: number('replica.fetch.response.max.bytes'),
    partitionMaxBytes: number('replica.fetch.max.bytes'),
    backoffMs: number('replica.fetch.backoff.ms'),
    requestTimeoutMs: number('replica.socket.timeout.ms'),
  }
}
