// The properties of the quorum of controllers, by Kafka's names. A follower gives its leader up sooner than Kafka's does, since tests wait.
import type { ConfigDefinition } from '../config-definition.ts'
import type { QuorumTimeouts } from './raft-quorum.ts'

const ELECTION = 'controller.quorum.election.timeout.ms'
const BACKOFF_MAX = 'controller.quorum.election.backoff.max.ms'
const FETCH = 'controller.quorum.fetch.timeout.ms'
const REQUEST = 'controller.quorum.request.timeout.ms'
const RETRY = 'controller.quorum.retry.backoff.ms'

export const AUTO_JOIN = 'controller.quorum.auto.join.enable'

export const QUORUM_CONFIGS: readonly ConfigDefinition[] = [
  {
    name: AUTO_JOIN,
    type: 'BOOLEAN',
    default: 'true',
    doc: 'Whether the voters become three by themselves, and live brokers take the place of those that are gone. Kafka: false.',
  },
  {
    name: BACKOFF_MAX,
    type: 'INT',
    default: '1000',
    min: 0,
    doc: 'The longest that a voter waits before it stands when the leader of the controllers has left.',
  },
  {
    name: ELECTION,
    type: 'INT',
    default: '500',
    min: 1,
    doc: 'How long a voter waits for an election of the controllers to end, and up to twice that. Kafka: 1000.',
  },
  {
    name: FETCH,
    type: 'INT',
    default: '1000',
    min: 1,
    doc: 'A voter that could not fetch from the leader of the controllers for so long asks to be elected. Kafka: 2000.',
  },
  {
    name: REQUEST,
    type: 'INT',
    default: '2000',
    min: 1,
    doc: 'How long a controller waits for the answer of another.',
  },
  {
    name: RETRY,
    type: 'INT',
    default: '20',
    min: 0,
    doc: 'How long a controller waits before it asks again what was not answered.',
  },
]

/** Between the first elections of voters who start together. */
const FIRST_ELECTION_STEP_MS = 50

export function quorumTimeouts(number: (name: string) => number): QuorumTimeouts {
  return {
    electionMs: number(ELECTION),
    electionBackoffMaxMs: number(BACKOFF_MAX),
    fetchMs: number(FETCH),
    requestMs: number(REQUEST),
    retryBackoffMs: number(RETRY),
    firstElectionMs: FIRST_ELECTION_STEP_MS,
  }
}
