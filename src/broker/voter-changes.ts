// Changes of the voters that operators ask for, at the active controller.
import { sleep } from '../platform/platform.ts'
import { ErrorCode } from '../protocol/errors.ts'
import type { Broker } from './broker.ts'
import { CoordinatorError } from './coordinator/runtime.ts'
import type { Call } from './dispatcher.ts'
import type { VoterRefusal, VotersNow } from './raft/voter-request.ts'
import type { VoterSet } from './raft/voter-set.ts'
import { CLUSTER_NAME } from './security/authorizer.ts'

interface ChangeLimits {
  readonly clusterId: string | null
  readonly timeoutMs: number
  readonly ackWhenCommitted: boolean
}

interface ChangeAnswer {
  readonly throttleTimeMs: number
  readonly errorCode: number
  readonly errorMessage: string | null
}

/** Resolves when the change is committed, or when it is clear that it is not, or takes too long. */
export async function changeVoters(
  { quorum, platform, clusterId }: Pick<Broker, 'quorum' | 'platform' | 'clusterId'>,
  call: Call,
  limits: ChangeLimits,
  decide: (now: VotersNow) => VoterSet | VoterRefusal,
): Promise<ChangeAnswer> {
  const answer = (errorCode: number, errorMessage: string | null = null) => ({
    throttleTimeMs: 0,
    errorCode,
    errorMessage,
  })
  if (!call.may('ALTER', 'CLUSTER', CLUSTER_NAME)) {
    return answer(ErrorCode.CLUSTER_AUTHORIZATION_FAILED, 'Cluster authorization failed.')
  }
  if (limits.clusterId !== null && limits.clusterId !== clusterId) {
    const message = `The given id "${limits.clusterId}" doesn't match the cluster id "${clusterId}"`
    return answer(ErrorCode.INCONSISTENT_CLUSTER_ID, message)
  }
  const described = quorum.describe()
  // Whoever brought the request here brings it to the one that leads now.
  if (!described) throw new CoordinatorError(ErrorCode.NOT_CONTROLLER, 'this node leads the controllers no more')
  const { voters, recordsVoters: areRecorded, mayChangeVoters: mayChange } = quorum
  const decided = decide({ voters, areRecorded, mayChange, observers: described.observers })
  if ('errorCode' in decided) return answer(decided.errorCode, decided.errorMessage)
  const committed = quorum.changeVoters(decided)
  if (!limits.ackWhenCommitted) return answer(ErrorCode.NONE)
  const enough = new AbortController()
  const late = sleep(platform.clock, limits.timeoutMs, enough.signal).then(() => undefined)
  const isCommitted = await Promise.race([committed, late])
  enough.abort()
  if (isCommitted === undefined) return answer(ErrorCode.REQUEST_TIMED_OUT)
  return answer(isCommitted ? ErrorCode.NONE : ErrorCode.NOT_LEADER_OR_FOLLOWER)
}
