import type { QuorumNode } from '../../broker/raft/quorum-nodes.ts'
import type { Checker } from '../scenario.ts'
import { quorumOf } from '../topologies/quorum.ts'

const SETTLED_MS = 60_000

/** A leader is found, all follow it, all have the same, and everything that was ever said to be done is there. */
export const quorumAgrees: Checker = async (world) => {
  const watch = quorumOf(world)
  const { nodes, findings } = watch
  const isSettled = await nodes.settled(SETTLED_MS)
  // What broke is the reason of whatever follows.
  if (world.errors[0]) throw world.errors[0]
  if (!isSettled) {
    const states = nodes.up.map(({ nodeId, quorum }) => `${nodeId}: ${quorum.leaderId} in ${quorum.leaderEpoch}`)
    throw new Error(`no leader is followed by all within ${SETTLED_MS} ms (${states.join(', ')})`)
  }
  world.bit('elections', watch.elections)
  for (const node of nodes.up) {
    const held = quotasOf(node)
    for (const { user, value } of watch.told) {
      if (held.get(user) !== value)
        findings.add('lost', `node ${node.nodeId}: ${user} = ${held.get(user)}, not ${value}`)
    }
    const all = JSON.stringify([...held].sort())
    const others = JSON.stringify([...quotasOf(nodes.up[0]!)].sort())
    if (all !== others) findings.add('torn', `nodes ${nodes.up[0]!.nodeId} and ${node.nodeId} hold different metadata`)
  }
  return findings.violations()
}

function quotasOf({ image }: QuorumNode): Map<string, number> {
  return new Map(
    [...image.quotas.entries].map(({ entity, quotas }) => [entity.user ?? '', [...quotas.values()][0] ?? -1]),
  )
}
