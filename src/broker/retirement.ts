import { HeliostatError } from '../platform/errors.ts'
import { sleep } from '../platform/platform.ts'
import { ErrorCode, errorOf } from '../protocol/errors.ts'
import { alterPartitionReassignments } from '../protocol/messages/alter-partition-reassignments.ts'
import { unregisterBroker } from '../protocol/messages/unregister-broker.ts'
import type { Broker } from './broker.ts'

const LOOK_MS = 50
/** Copying takes as long as there is to copy; what does not move at all for so long will not. */
const STANDSTILL_MS_MAX = 60_000

/**
 * Lets a broker go for good, as operators do: its replicas are reassigned to the brokers that hold the fewest, it stops, and it is
 * unregistered. `through`: another broker, which asks the controller.
 */
export async function retireBroker(through: Broker, nodeId: number, stop: () => Promise<void>): Promise<void> {
  const { clock } = through.platform
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
  await stop()
  const { errorCode } = await through.channel.askPatiently(unregisterBroker, { brokerId: nodeId }, STANDSTILL_MS_MAX)
  if (errorCode !== ErrorCode.NONE && errorCode !== ErrorCode.BROKER_ID_NOT_REGISTERED) {
    throw new HeliostatError('HEL_CLUSTER', `broker ${nodeId} cannot be unregistered: ${errorOf(errorCode).name}`)
  }
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
  const moves = held(through, nodeId).map(({ name, partitionId, replicas }) => {
    const others = replicas.filter((id) => id !== nodeId)
    const free = [...loads].filter(([id]) => !others.includes(id) && image.isActive(id))
    const [next] = free.sort((a, b) => a[1] - b[1])[0] ?? []
    if (next !== undefined) loads.set(next, loads.get(next)! + 1)
    if (next === undefined && others.length === 0) {
      throw new HeliostatError('HEL_CLUSTER', `nobody can take over ${name}-${partitionId} from broker ${nodeId}`)
    }
    // With a broker for each replica left there is one replica less.
    const target = next === undefined ? others : replicas.map((id) => (id === nodeId ? next : id))
    return { name, partitionIndex: partitionId, replicas: target }
  })
  const topics = [...Map.groupBy(moves, ({ name }) => name)].map(([name, partitions]) => ({ name, partitions }))
  const answer = await through.channel.askPatiently(alterPartitionReassignments, { topics }, STANDSTILL_MS_MAX)
  const refused = answer.responses.flatMap(({ partitions }) => partitions).find(({ errorCode }) => errorCode !== 0)
  const code = answer.errorCode || refused?.errorCode
  if (code) throw new HeliostatError('HEL_CLUSTER', `broker ${nodeId} cannot be relieved: ${errorOf(code).name}`)
}
