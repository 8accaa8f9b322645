import type { ControllerReplies } from '../../../src/broker/coordinator/controller/command.ts'
import type { QuorumNode } from '../../broker/raft/quorum-nodes.ts'
import type { Workload } from '../scenario.ts'
import { quorumOf } from '../topologies/quorum.ts'

const LOG = '__cluster_metadata'

/** Asks every node that holds itself for the active controller for small changes, one after the other, and remembers what it was told. */
export const quotas: Workload = (world) => {
  const watch = quorumOf(world)
  let count = 0
  let isOver = false
  const ask = (node: QuorumNode) => {
    const value = ++count
    const user = `user-${value}`
    const attempt = world.history.invoke(`node-${node.nodeId}`, LOG, [{ id: user, content: String(value) }])
    setQuota(node, user, value).then(
      () => {
        attempt.ok(value)
        watch.told.push({ user, value })
      },
      () => {},
    )
  }
  const tick = () => {
    if (isOver) return
    for (const node of watch.nodes.up) if (node.quorum.led) ask(node)
    world.simulation.after(world.random.between(5, 250), 'asked', tick)
  }
  tick()
  return () => {
    isOver = true
  }
}

/** Something small that is there when it is committed. */
export function setQuota(
  { controller }: QuorumNode,
  user: string,
  value = 1,
): Promise<ControllerReplies['alter-client-quotas']> {
  const ops = [{ key: 'producer_byte_rate', value, remove: false }]
  const entries = [{ entity: [{ entityType: 'user', entityName: user }], ops }]
  return controller.ask({ type: 'alter-client-quotas', entries, validateOnly: false })
}
