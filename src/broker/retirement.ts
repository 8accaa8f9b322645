import { HeliostatError } from '../platform/errors.ts'
import { sleep } from '../platform/platform.ts'
import { ErrorCode, errorOf } from '../protocol/errors.ts'
import { alterPartitionReassignments } from '../protocol/messages/alter-partition-reassignments.ts'
import { unregisterBroker } from '../protocol/messages/unregister-broker.ts'
import type { Broker } from './broker.ts'
import { AUTO_JOIN } from './raft/quorum-config.ts'

const LOOK_MS = 50
/** Copying takes as long as there is to copy; what does not move at all for so long will not. */
const STANDSTILL_MS_MAX = 60_000

/**
 * Lets a broker go for good, as operators do: its replicas are reassigned to the brokers that hold the fewest, others take over what it
 * leads, and it is unregistered. Where it votes for controllers, the active one sees that it does no more, another in its place if there
 * is one. Resolves when it may stop. `through`: another broker, which asks the controller.
 */
export async function retireBroker(through: Broker, nodeId: number, leave: () => Promise<void>): Promise<void> {
  const { clock } = through.platform
  refuseFixed(through, nodeId)
  let left = held(through, nodeId).length
  if (left > 0) await reassign(through, nodeId)
  let movedAtMs = clock.monotonic()
  while (left > 0) {
    await sleep(clock, LOOK_MS)
    const now = held(through, nodeId).length
    if (now < left) movedAtMs = clock.monotonic()
    left = now
    if (clock.monotonic() - movedAtMs > STANDSTILL_MS_MAX) {
      const message = `broker ${nodeId} still holds ${left} partitions, which do not move; it stays`
      throw new HeliostatError('HEL_CLUSTER', message, { where: { node: nodeId } })
    }
  }
  await leave()
  const { errorCode } = await through.channel.askPatiently(unregisterBroker, { brokerId: nodeId }, STANDSTILL_MS_MAX)
  if (errorCode !== ErrorCode.NONE && errorCode !== ErrorCode.BROKER_ID_NOT_REGISTERED) {
    throw new HeliostatError('HEL_CLUSTER', `broker ${nodeId} cannot be unregistered: ${errorOf(errorCode).name}`)
  }
  const leftAtMs = clock.monotonic()
  while (votes(through, nodeId)) {
    if (clock.monotonic() - leftAtMs > STANDSTILL_MS_MAX) {
      throw new HeliostatError('HEL_CLUSTER', `broker ${nodeId} still votes for controllers; it stays`)
    }
    await sleep(clock, LOOK_MS)
  }
}

/** Also while it is not committed that it does not. */
function votes({ quorum }: Broker, nodeId: number): boolean {
  const committed = quorum.votersBelow(quorum.log.highWatermark) ?? quorum.voters
  return [...committed, ...quorum.voters].some((voter) => voter.nodeId === nodeId)
}

function refuseFixed(through: Broker, nodeId: number): void {
  if (through.config.boolean(AUTO_JOIN) || !votes(through, nodeId)) return
  const message = `broker ${nodeId} votes for controllers, and ${AUTO_JOIN} is off; remove it from the voters first`
  throw new HeliostatError('HEL_CLUSTER', message, { where: { node: nodeId } })
}

function held({ image }: Broker, nodeId: number) {
  return [...image.topics.values()].flatMap(({ name, partitions }) =>
    partitions
      .filter(({ replicas }) => replicas.includes(nodeId))
      .map(({ partitionId, replicas }) => ({ name, partitionId, replicas })),
  )
}

async function reassign(through: Broker, nodeId: number): Promise<void> {
  const { image } = through
  const loads = new Map([...image.brokers.keys()].filter((id) => id !== nodeId).map((id) => [id, 0]))
  for (const { partitions } of image.topics.values()) {
    for (const { replicas } of partitions) {
      for (const id of replicas) if (loads.has(id)) loads.set(id, loads.get(id)! + 1)
    }
  }
  /** With a broker for each replica left there is one replica less; who is only dead may come back. */
  const substitute = (id: number, taken: readonly number[]): number[] => {
    const free = [...loads].filter(([other]) => !taken.includes(other) && image.isActive(other))
    const [next] = free.sort((a, b) => a[1] - b[1])[0] ?? []
    if (next === undefined) return id === nodeId ? [] : [id]
    loads.set(next, loads.get(next)! + 1)
    return [next]
  }
  const moves = held(through, nodeId).map(({ name, partitionId, replicas }) => {
    const target: number[] = []
    for (const id of replicas) {
      // Nothing moves as long as one of the replicas is dead: another takes its place, too.
      if (id !== nodeId && image.isActive(id)) target.push(id)
      else target.push(...substitute(id, [...replicas, ...target]))
    }
    if (target.length === 0) {
      throw new HeliostatError('HEL_CLUSTER', `nobody can take over ${name}-${partitionId} from broker ${nodeId}`)
    }
    return { name, partitionIndex: partitionId, replicas: target }
  })
  const topics = [...Map.groupBy(moves, ({ name }) => name)].map(([name, partitions]) => ({ name, partitions }))
  const answer = await through.channel.askPatiently(alterPartitionReassignments, { topics }, STANDSTILL_MS_MAX)
  const refused = answer.responses.flatMap(({ partitions }) => partitions).find(({ errorCode }) => errorCode !== 0)
  const code = answer.errorCode || refused?.errorCode
  if (code) throw new HeliostatError('HEL_CLUSTER', `broker ${nodeId} cannot be relieved: ${errorOf(code).name}`)
}
