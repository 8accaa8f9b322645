// Nodes of a quorum on simulated machines: who leads, what is committed, and what each node hears of it.
import { expect, it } from 'vitest'
import { BrokerConfig } from '../../../src/broker/broker-config.ts'
import { bootstrapVoter, withVoter } from '../../../src/broker/raft/voter-set.ts'
import { Simulation } from '../../../src/simulation/simulation.ts'
import { setQuota } from '../../simulation/workloads/quotas.ts'
import { agreementOf, type QuorumNode, QuorumNodes, startNode } from './quorum-nodes.ts'

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

it('hands over when its leader leaves: another leads a moment later', async () => {
  const nodes = await quorumOf(3, 3)
  const { simulation } = nodes
  const before = simulation.now
  await simulation.outcome(nodes.leader!.stop())
  nodes.kill(1)
  expect(await nodes.settled()).toBe(true)
  expect(simulation.now - before).toBeLessThan(500)
  expect(nodes.leader!.nodeId).not.toBe(1)
})

it('knows whom it follows in the lead, and how long that one has been silent', async () => {
  const nodes = await quorumOf(3, 3)
  expect(nodes.leader!.quorum.predecessor).toBeUndefined()
  nodes.kill(1)
  expect(await nodes.settled()).toBe(true)
  const { nodeId, silentMs } = nodes.leader!.quorum.predecessor!
  expect(nodeId).toBe(1)
  // The time-out of its fetches is a second.
  expect(silentMs).toBeGreaterThan(1000)
  expect(silentMs).toBeLessThan(4000)
})

it('has a leader give up that only observers still hear, and promise nothing in the meantime', async () => {
  const nodes = await quorumOf(4, 3)
  const { simulation } = nodes
  const { network } = simulation
  const [old] = nodes.up
  for (const voter of ['node-2', 'node-3']) network.cut('node-1', voter)
  let isPromised = false
  setQuota(old!, 'alice').then(
    () => {
      isPromised = true
    },
    () => {},
  )
  expect(await simulation.until(() => old!.quorum.led === undefined, 2_500)).toBe(true)
  expect(old!.quorum.leaderId).toBe(-1)
  network.heal()
  expect(await nodes.settled()).toBe(true)
  expect(nodes.leader!.nodeId).not.toBe(1)
  expect([isPromised, ...nodes.up.map(usersOf)]).toEqual([false, [], [], [], []])
})

it('starts on no data directory of a quorum whose other voters are not there, nor with others on that of one that was alone', async () => {
  const alone = await quorumOf(1, 1)
  const { simulation } = alone
  await simulation.outcome(setQuota(alone.leader!, 'alice'))
  alone.kill(1)
  const platform = alone.machines[0]!.boot()
  const agreed = agreementOf(['node-1', 'node-2', 'node-3'], 3, 1)
  expect(() => startNode(platform, 1, 'node-1', agreed, new BrokerConfig())).toThrow(/only voter was one broker/)
  const three = await quorumOf(3, 3)
  three.kill(1)
  const other = three.machines[0]!.boot()
  expect(() => startNode(other, 1, 'node-1', undefined, new BrokerConfig())).toThrow(/with the voters 2, 3/)
})

it('fetches a damaged snapshot of its leader, and does not take it', async () => {
  const config = { 'metadata.log.max.record.bytes.between.snapshots': 500 }
  const nodes = await quorumOf(3, 3, 1, config)
  const { simulation } = nodes
  nodes.kill(3, 'disk')
  for (let count = 0; count < 12; count++) await simulation.outcome(setQuota(nodes.leader!, `user-${count}`))
  const { snapshots } = nodes.leader!.quorum
  const id = snapshots.latestId!
  const whole = snapshots.read(id)
  const damaged = Buffer.from(whole)
  damaged.writeUInt8(damaged[200]! ^ 1, 200)
  snapshots.write(id, damaged)
  nodes.boot(3)
  await simulation.pass(2_000)
  expect(nodes.node(3)!.quorum).toMatchObject({ failure: undefined, isCaughtUp: false })
  snapshots.write(id, whole)
  expect(await nodes.settled()).toBe(true)
  expect(usersOf(nodes.node(3)!)).toEqual(usersOf(nodes.leader!))
})

it('tells a node that begins with a snapshot who votes', async () => {
  const nodes = await quorumOf(5, 3, 1, { 'metadata.log.max.record.bytes.between.snapshots': 500 })
  const { simulation } = nodes
  const { quorum } = nodes.leader!
  expect(await simulation.outcome(quorum.changeVoters(withVoter(quorum.voters, bootstrapVoter(4))))).toBe(true)
  nodes.kill(5, 'disk')
  for (let count = 0; count < 24; count++) await simulation.outcome(setQuota(nodes.leader!, `user-${count}`))
  nodes.boot(5)
  expect(await nodes.settled()).toBe(true)
  const { log, voters } = nodes.node(5)!.quorum
  expect([log.logStartOffset > 10, voters.map(({ nodeId }) => nodeId)]).toEqual([true, [1, 2, 3, 4]])
  // And once more from its own disk.
  nodes.kill(5)
  nodes.boot(5)
  expect(nodes.node(5)!.quorum.voters).toHaveLength(4)
})

/** Where this node thinks that the voters are. */
function portsAt({ quorum }: QuorumNode): (number | undefined)[] {
  return quorum.voters.map(({ endpoints }) => endpoints[0]?.port)
}

it.each([1, 2])('goes on when node %i comes back on another port, which the others learn', async (moved) => {
  const nodes = await quorumOf(3, 3)
  const { simulation } = nodes
  nodes.kill(moved)
  nodes.move(moved, 9000 + moved)
  await simulation.pass(3_000)
  nodes.boot(moved)
  expect(await nodes.settled()).toBe(true)
  const ports = [1, 2, 3].map((nodeId) => (nodeId === moved ? 9000 + moved : 9092))
  const isTold = () => nodes.up.every((node) => String(portsAt(node)) === String(ports))
  expect(await simulation.until(isTold, 10_000)).toBe(true)
  // Of the two that are left one is found nowhere else.
  nodes.kill(nodes.leader!.nodeId === moved ? 3 : nodes.leader!.nodeId)
  expect(await nodes.settled()).toBe(true)
  await simulation.outcome(setQuota(nodes.leader!, 'alice'))
  expect(await nodes.settled()).toBe(true)
  expect(nodes.up.map(usersOf)).toEqual(Array(2).fill(['alice']))
})

it('follows a leader that was elected where nobody has written down that it is', async () => {
  const nodes = await quorumOf(4, 3)
  const { simulation } = nodes
  nodes.kill(2)
  nodes.kill(3)
  nodes.move(2, 9002)
  await simulation.pass(3_000)
  // Of the voters only the first and the second are up, and neither hears of the other before it asks to be elected.
  nodes.boot(2)
  expect(await nodes.settled()).toBe(true)
  await simulation.outcome(setQuota(nodes.leader!, 'alice'))
  expect(await nodes.settled()).toBe(true)
  expect([nodes.leader!.nodeId, portsAt(nodes.leader!)[1]]).toEqual([2, 9002])
})

it('takes the vote of one node once, also where the log says that it is two', async () => {
  const nodes = await quorumOf(5, 5)
  const { simulation } = nodes
  nodes.kill(3)
  const { quorum } = nodes.leader!
  const [second, third] = [2, 3].map((id) => quorum.voters.find(({ nodeId }) => nodeId === id)!)
  const astray = withVoter(quorum.voters, { ...third!, endpoints: second!.endpoints })
  expect(await simulation.outcome(quorum.changeVoters(astray))).toBe(true)
  expect(await nodes.settled()).toBe(true)
  const { leaderEpoch } = nodes.leader!.quorum
  nodes.kill(4)
  nodes.kill(5)
  const isLed = () => nodes.up.some(({ quorum }) => quorum.leaderEpoch > leaderEpoch && quorum.leaderId >= 0)
  expect(await simulation.until(isLed, 20_000)).toBe(false)
  nodes.boot(4)
  expect(await nodes.settled()).toBe(true)
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
