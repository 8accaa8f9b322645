// What goes wrong with the nodes of a quorum.

import { bootstrapVoter, withoutVoter, withVoter } from '../../../src/broker/raft/voter-set.ts'
import { quorumOf } from '../topologies/quorum.ts'
import type { World } from '../world.ts'
import type { Fault } from './drawn.ts'

/** One node after the other, drawn: dead, paused, without power; each comes back later. */
export function someNode(fault: (name: string) => Fault): Fault {
  return (world) => fault(world.random.pick(quorumOf(world).nodes.machines).name)(world)
}

/** The leader dies, and the next, and the next, each as soon as it leads. */
export const killLeaders: Fault = (world) => {
  const { nodes } = quorumOf(world)
  let left = 3
  const dead: number[] = []
  const killOne = () => {
    const { leader } = nodes
    if (leader && left-- > 0) {
      nodes.kill(leader.nodeId, world.random.chance(0.5) ? 'process' : 'power')
      dead.push(leader.nodeId)
      // A majority must be left, or there is no next.
      world.simulation.after(world.random.between(0, 1_500), 'started', () => quorumOf(world).start(dead.shift()!))
    }
    if (left > 0) world.simulation.after(world.random.between(10, 1_000), 'next', killOne)
  }
  killOne()
  return () => {
    left = 0
  }
}

/** Nothing reaches one node and nothing leaves it, or only one of the two. */
export const isolate: Fault = (world) => {
  const { nodes } = quorumOf(world)
  const nodeId = 1 + world.random.below(nodes.machines.length)
  const way = world.random.pick(['both', 'out', 'in'] as const)
  nodes.isolate(nodeId, way)
  return () => nodes.join(nodeId)
}

/** The way between two nodes, or only one direction of it. */
export const cutPair: Fault = (world) => {
  const { simulation, random } = world
  const { machines } = quorumOf(world).nodes
  const [one, other] = [random.pick(machines).name, random.pick(machines).name]
  if (one === other) return undefined
  simulation.network.cut(one, other, random.chance(0.5) ? 'both' : 'one-way')
  return () => {
    simulation.network.mend(one, other)
    simulation.network.mend(other, one)
  }
}

export const DISK_LOST = 'a disk lost'

/** A node loses its disk with all that was on it. One is lost at a time: until its node has caught up, no other is. */
export const loseDisk: Fault = (world) => {
  const watch = quorumOf(world)
  const { nodes } = watch
  let lost: number | undefined
  let isOver = false
  const attempt = () => {
    if (isOver) return
    if (!isWhole(world)) return void world.simulation.after(100, 'a disk is in danger', attempt)
    lost = world.random.pick(nodes.up).nodeId
    nodes.kill(lost, 'disk')
    world.bit(DISK_LOST)
  }
  attempt()
  return () => {
    isOver = true
    if (lost !== undefined) watch.start(lost)
  }
}

/**
 * Of three voters one is cut off for a while, so that what is committed then is on the two others. One of those loses its disk, the
 * other, which leads, dies, and the one that lacks it all comes back: the two that are left are a majority that must not elect it.
 */
export const loseWitness: Fault = (world) => {
  const watch = quorumOf(world)
  const { nodes } = watch
  const { leader } = nodes
  const [cutOff, witness] = nodes.up.filter((node) => node !== leader).map(({ nodeId }) => nodeId)
  if (!isWhole(world) || !leader || cutOff === undefined || witness === undefined) return undefined
  let isOver = false
  nodes.isolate(cutOff)
  world.simulation.after(world.random.between(300, 1_500), 'the witness is lost', () => {
    // Another disk may have been lost since: two of three are more than can be borne.
    if (!isOver && nodes.leader === leader && isWhole(world)) {
      nodes.kill(witness, 'disk')
      nodes.kill(leader.nodeId)
      watch.start(witness)
      world.bit(DISK_LOST)
    }
    nodes.join(cutOff)
  })
  return () => {
    isOver = true
    nodes.join(cutOff)
    watch.start(leader.nodeId)
  }
}

export const VOTERS_CHANGED = 'the voters changed'

/** Any of the nodes comes to vote, or votes no more, also the one that leads; one to all of them do. */
export const changeVoters: Fault = (world) => {
  const { nodes } = quorumOf(world)
  const { leader } = nodes
  if (!leader?.quorum.mayChangeVoters) return undefined
  const { voters, nodeId } = leader.quorum
  const { observers } = leader.quorum.describe()!
  const caughtUp = observers.filter(({ lastCaughtUpTimestamp }) => lastCaughtUpTimestamp > 0)
  const grows = voters.length === 1 || (caughtUp.length > 0 && world.random.chance(0.5))
  if (grows && caughtUp.length === 0) return undefined
  const chosen = grows ? world.random.pick(caughtUp).replicaId : world.random.pick(voters).nodeId
  const changed = grows ? withVoter(voters, bootstrapVoter(chosen)) : withoutVoter(voters, chosen)
  void leader.quorum.changeVoters(changed).then((isCommitted) => {
    if (isCommitted) world.bit(VOTERS_CHANGED)
    if (isCommitted && chosen === nodeId) world.bit('a leader removed itself')
  })
  return () => {}
}

function isWhole(world: World): boolean {
  const { up, machines } = quorumOf(world).nodes
  return up.length === machines.length && up.every(({ quorum }) => quorum.isCaughtUp)
}
