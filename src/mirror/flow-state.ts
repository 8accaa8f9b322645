// The state of a flow in one word: the first that holds of what follows. Pure.
import type { PlaneStatus } from './plane.ts'
import type { FlowState, PartitionState } from './status.ts'

export interface FlowFacts {
  readonly isStopped: boolean
  readonly isPaused: boolean
  /** Of those who look for topics, and keep the ledger of gaps. */
  readonly sourceAnswers: boolean
  readonly targetAnswers: boolean
  /** It is settled which slots are ours, and all topics that are there were dealt with. */
  readonly isSettled: boolean
}

const BEHIND: ReadonlySet<PartitionState> = new Set(['catching-up', 'starting', 'recovering'])

export function flowState(facts: FlowFacts, plane: PlaneStatus): FlowState {
  const { unreachable, isSourceSilent, openingSlots, topics } = plane
  if (facts.isStopped) return 'stopped'
  if (facts.isPaused) return 'paused'
  if (!facts.sourceAnswers || isSourceSilent || unreachable.source > 0) return 'source-unavailable'
  if (!facts.targetAnswers || unreachable.target > 0) return 'target-unavailable'
  if (!facts.isSettled) return 'starting'
  const isBehind = topics.some(({ partitions }) => partitions.some(({ state }) => BEHIND.has(state)))
  return openingSlots > 0 || isBehind ? 'catching-up' : 'running'
}
