// Nodes of a quorum on simulated machines: who leads, what is committed, and what each node hears of it.
import { expect, it } from 'vitest'
import { Simulation } from '../../../src/simulation/simulation.ts'
import { setQuota } from '../../simulation/workloads/quotas.ts'
import { type QuorumNode, QuorumNodes } from './quorum-nodes.ts'

async function quorumOf(nodes: number, voters: number, seed = 1, config = {}): Promise<QuorumNodes> {
  const simulation = new Simulation({ seed, settle: () => new Promise((resolve) => setImmediate(resolve)) })
  const quorum = new QuorumNodes({ simulation, nodes, voters, config })
  for (let nodeId = 1; nodeId <= nodes; nodeId++) quorum.boot(nodeId)
  expect(await quorum.settled()).toBe(true)
  return quorum
}

function usersOf({ image }: QuorumNode): (string | null)[] {
  return [...image.quotas.entries].map(({ entity }) => entity.user ?? null).sort()
}

it('elects a leader within a tenth of a second of its start', async () => {
  const nodes = await quorumOf(3, 3)
  expect(nodes.simulation.now).toBeLessThan(300)
  expect(nodes.up.map(({ quorum }) => quorum.leaderId)).toEqual([1, 1, 1])
  expect(nodes.leader!.quorum.leaderEpoch).toBe(1)
})

it('commits what the leader is asked on every node, voters and observers', async () => {
  const nodes = await quorumOf(5, 3)
  const { simulation } = nodes
  await simulation.outcome(setQuota(nodes.leader!, 'alice'))
  expect(await nodes.settled()).toBe(true)
  expect(nodes.up.map(usersOf)).toEqual(Array(5).fill(['alice']))
  await expect(setQuota(nodes.node(2)!, 'bob')).rejects.toThrow(/no longer, on this node/)
})

it('goes on with a majority, and the one that was away catches up', async () => {
  const nodes = await quorumOf(3, 3)
  const { simulation } = nodes
  await simulation.outcome(setQuota(nodes.leader!, 'alice'))
  nodes.kill(1)
  const before = simulation.now
  expect(await nodes.settled()).toBe(true)
  expect(simulation.now - before).toBeLessThan(2000)
  await simulation.outcome(setQuota(nodes.leader!, 'bob'))
  nodes.boot(1)
  expect(await nodes.settled()).toBe(true)
  expect(nodes.leader!.nodeId).not.toBe(1)
  expect(nodes.up.map(usersOf)).toEqual(Array(3).fill(['alice', 'bob']))
})
