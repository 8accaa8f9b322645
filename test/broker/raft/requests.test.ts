// What a node of the quorum answers to those who are no nodes of it, or not of its time.
import { expect, it } from 'vitest'
import { serveVote } from '../../../src/broker/apis/vote.ts'
import { Connection } from '../../../src/client/connection.ts'
import { ErrorCode } from '../../../src/protocol/errors.ts'
import { beginQuorumEpoch } from '../../../src/protocol/messages/begin-quorum-epoch.ts'
import { endQuorumEpoch } from '../../../src/protocol/messages/end-quorum-epoch.ts'
import { fetch } from '../../../src/protocol/messages/fetch.ts'
import { fetchSnapshot } from '../../../src/protocol/messages/fetch-snapshot.ts'
import { updateRaftVoter } from '../../../src/protocol/messages/update-raft-voter.ts'
import { vote } from '../../../src/protocol/messages/vote.ts'
import { Simulation } from '../../../src/simulation/simulation.ts'
import { setQuota } from '../../simulation/workloads/quotas.ts'
import { QuorumNodes } from './quorum-nodes.ts'

const TOPIC = '__cluster_metadata'
const NO_ID = 'AAAAAAAAAAAAAAAAAAAAAA'

/** Three voters, of which the first leads epoch 1, and somebody who speaks to them. */
async function stranger(config = {}) {
  const simulation = new Simulation({ seed: 1, settle: () => new Promise((resolve) => setImmediate(resolve)) })
  const nodes = new QuorumNodes({ simulation, nodes: 3, voters: 3, config })
  for (const nodeId of [1, 2, 3]) nodes.boot(nodeId)
  expect(await nodes.settled()).toBe(true)
  expect(nodes.leader?.nodeId).toBe(1)
  const platform = simulation.machine('stranger').boot()
  const to = (nodeId: number) =>
    simulation.outcome(Connection.open(platform, { host: `node-${nodeId}`, port: 9092, clientId: 'stranger' }))
  return { nodes, simulation, leader: await to(1), follower: await to(2) }
}

it('votes for no stranger, for nobody of the past, and for nobody of another cluster', async () => {
  const { simulation, follower, nodes } = await stranger()
  const { offset, epoch } = { offset: nodes.leader!.quorum.log.logEndOffset, epoch: 1 }
  const ask = async (
    changes: { replicaId?: number; replicaEpoch?: number; lastOffsetEpoch?: number },
    clusterId = NO_ID,
  ) => {
    const asked = {
      replicaId: 3,
      replicaEpoch: 1,
      lastOffsetEpoch: epoch,
      lastOffset: offset,
      preVote: true,
      ...changes,
    }
    const topics = [{ topicName: TOPIC, partitions: [{ partitionIndex: 0, ...asked }] }]
    const answer = await simulation.outcome(follower.send(vote, { clusterId, voterId: 2, topics }))
    const partition = answer.topics[0]?.partitions[0]
    return [
      answer.errorCode || partition!.errorCode,
      partition?.voteGranted,
      partition?.leaderId,
      partition?.leaderEpoch,
    ]
  }
  // Another voter, who may ask: but this one hears from its leader.
  expect(await ask({})).toEqual([0, false, 1, 1])
  expect(await ask({ replicaId: 9 })).toEqual([ErrorCode.INCONSISTENT_VOTER_SET, false, 1, 1])
  expect(await ask({ replicaEpoch: 0, lastOffsetEpoch: 0 })).toEqual([ErrorCode.FENCED_LEADER_EPOCH, false, 1, 1])
  expect(await ask({ lastOffsetEpoch: 2 })).toEqual([ErrorCode.INVALID_REQUEST, false, 1, 1])
  expect(await ask({}, 'AAAAAAAAAAAAAAAAAAAAAQ')).toEqual([
    ErrorCode.INCONSISTENT_CLUSTER_ID,
    undefined,
    undefined,
    undefined,
  ])
  const elsewhere = { clusterId: null, topics: [{ topicName: 't', partitions: [] }] }
  expect((await simulation.outcome(follower.send(vote, elsewhere))).errorCode).toBe(ErrorCode.INVALID_REQUEST)
})

it('hears nothing that is meant for another node, which was found here once', async () => {
  const { simulation, follower, nodes } = await stranger()
  const begun = { partitionIndex: 0, leaderId: 3, leaderEpoch: 9 }
  const asked = { partitionIndex: 0, replicaId: 3, replicaEpoch: 9, lastOffset: 9, lastOffsetEpoch: 8, preVote: false }
  const topicsOf = <T>(partition: T) => [{ topicName: TOPIC, partitions: [partition] }]
  const begin = { clusterId: NO_ID, voterId: 1, topics: topicsOf(begun), leaderEndpoints: [] }
  const answers = [
    await simulation.outcome(follower.send(beginQuorumEpoch, begin)),
    await simulation.outcome(follower.send(vote, { clusterId: NO_ID, voterId: 1, topics: topicsOf(asked) })),
  ]
  const { INVALID_VOTER_KEY } = ErrorCode
  const told = { errorCode: INVALID_VOTER_KEY, leaderId: 1, leaderEpoch: 1 }
  for (const { topics } of answers) expect(topics[0]!.partitions[0]).toMatchObject(told)
  expect(nodes.node(2)!.quorum.leaderEpoch).toBe(1)
})

it('writes down where a voter says that it is, at the leader alone and of no stranger', async () => {
  const { simulation, leader, follower, nodes } = await stranger()
  const { quorum } = nodes.leader!
  expect(await simulation.until(() => quorum.voters.every(({ directoryId }) => directoryId !== NO_ID), 10_000)).toBe(
    true,
  )
  const written = quorum.voters.find(({ nodeId }) => nodeId === 3)!
  const ask = async (changes: object = {}, connection = leader) => {
    const listeners = [{ name: 'INTERNAL', host: 'node-3', port: 7 }]
    const voter = { voterId: 3, voterDirectoryId: written.directoryId, listeners }
    const kRaftVersionFeature = { minSupportedVersion: 0, maxSupportedVersion: 2 }
    const asked = { clusterId: NO_ID, currentLeaderEpoch: 1, ...voter, kRaftVersionFeature, ...changes }
    const answer = await simulation.outcome(connection.send(updateRaftVoter, asked))
    return [answer.errorCode, answer.currentLeader]
  }
  const currentLeader = { leaderId: 1, leaderEpoch: 1, host: 'node-1', port: 9092 }
  expect(await ask({}, follower)).toEqual([ErrorCode.NOT_LEADER_OR_FOLLOWER, currentLeader])
  expect(await ask({ currentLeaderEpoch: 0 })).toEqual([ErrorCode.FENCED_LEADER_EPOCH, currentLeader])
  expect(await ask({ currentLeaderEpoch: 2 })).toEqual([ErrorCode.UNKNOWN_LEADER_EPOCH, currentLeader])
  expect(await ask({ voterId: 7 })).toEqual([ErrorCode.VOTER_NOT_FOUND, currentLeader])
  expect((await ask({ clusterId: 'AAAAAAAAAAAAAAAAAAAAAQ' }))[0]).toBe(ErrorCode.INCONSISTENT_CLUSTER_ID)
  expect(await ask()).toEqual([ErrorCode.NONE, currentLeader])
  expect(quorum.voters.find(({ nodeId }) => nodeId === 3)).toEqual({
    ...written,
    endpoints: [{ name: 'INTERNAL', host: 'node-3', port: 7 }],
    kRaftVersionFeature: { minSupportedVersion: 0, maxSupportedVersion: 2 },
  })
  // It is not so, and the third, which is where it was, says it.
  const isAsBefore = () => String(quorum.voters.find(({ nodeId }) => nodeId === 3)?.endpoints[0]?.port) === '9092'
  expect(await simulation.until(isAsBefore, 10_000)).toBe(true)
})

it('obeys no leader of the past, nor one that is no voter', async () => {
  const { simulation, follower } = await stranger()
  const code = async (leaderId: number, leaderEpoch: number) => {
    const partition = { partitionIndex: 0, leaderId, leaderEpoch }
    const begin = { clusterId: null, topics: [{ topicName: TOPIC, partitions: [partition] }], leaderEndpoints: [] }
    const none = { preferredSuccessors: [], preferredCandidates: [] }
    const ending = [{ topicName: TOPIC, partitions: [{ ...partition, ...none }] }]
    const began = await simulation.outcome(follower.send(beginQuorumEpoch, begin))
    const ended = await simulation.outcome(
      follower.send(endQuorumEpoch, { clusterId: null, topics: ending, leaderEndpoints: [] }),
    )
    return [began, ended].map(({ topics }) => topics[0]!.partitions[0]!.errorCode)
  }
  const { FENCED_LEADER_EPOCH, INCONSISTENT_VOTER_SET } = ErrorCode
  expect(await code(3, 0)).toEqual([FENCED_LEADER_EPOCH, FENCED_LEADER_EPOCH])
  expect(await code(9, 5)).toEqual([INCONSISTENT_VOTER_SET, INCONSISTENT_VOTER_SET])
})

it('gives the log to replicas alone, of this epoch, at the leader', async () => {
  const { simulation, leader, follower, nodes } = await stranger()
  const ask = async (connection: Connection, currentLeaderEpoch: number, replicaId = 7) => {
    const partition = {
      partition: 0,
      fetchOffset: 0,
      lastFetchedEpoch: 0,
      partitionMaxBytes: 1_000_000,
      currentLeaderEpoch,
    }
    const answer = await simulation.outcome(
      connection.send(fetch, {
        ...{ replicaState: { replicaId, replicaEpoch: -1 }, maxWaitMs: 10, minBytes: 1, forgottenTopicsData: [] },
        topics: [{ topicId: 'AAAAAAAAAAAAAAAAAAAAAQ', partitions: [partition] }],
      }),
    )
    const told = answer.responses[0]?.partitions[0]
    return [answer.errorCode || told!.errorCode, told?.currentLeader, Buffer.concat(told?.records ?? []).length > 0]
  }
  const known = { leaderId: 1, leaderEpoch: 1 }
  expect(await ask(leader, 1)).toEqual([0, known, true])
  expect(await ask(leader, 0)).toEqual([ErrorCode.FENCED_LEADER_EPOCH, known, false])
  expect(await ask(leader, 2)).toEqual([ErrorCode.UNKNOWN_LEADER_EPOCH, known, false])
  expect(await ask(follower, 1)).toEqual([ErrorCode.NOT_LEADER_OR_FOLLOWER, known, false])
  expect(await ask(leader, 1, 1)).toEqual([ErrorCode.INVALID_REQUEST, undefined, false])
  const { observers } = nodes.leader!.quorum.describe()!
  expect(observers.map(({ replicaId }) => replicaId)).toEqual([7])
})

it('gives snapshots piece by piece, and says what is not there', async () => {
  const { simulation, leader, nodes } = await stranger({ 'metadata.log.max.record.bytes.between.snapshots': 500 })
  for (let count = 0; count < 12; count++) await simulation.outcome(setQuota(nodes.leader!, `user-${count}`))
  const { snapshots } = nodes.leader!.quorum
  const { offset, epoch } = snapshots.latestId!
  const whole = snapshots.read({ offset, epoch })
  const ask = async (position: number, endOffset = offset, partition = 0, currentLeaderEpoch = 1) => {
    const asked = { partition, currentLeaderEpoch, snapshotId: { endOffset, epoch }, position }
    const topics = [{ name: TOPIC, partitions: [asked] }]
    const answer = await simulation.outcome(leader.send(fetchSnapshot, { replicaId: 7, maxBytes: 100, topics }))
    const { errorCode, size, unalignedRecords } = answer.topics[0]!.partitions[0]!
    return { errorCode, size, bytes: Buffer.concat(unalignedRecords ?? []) }
  }
  const pieces: Buffer[] = []
  for (let position = 0; position < whole.length; position += 100) pieces.push((await ask(position)).bytes)
  expect(Buffer.concat(pieces)).toEqual(whole)
  expect((await ask(0)).size).toBe(whole.length)
  expect((await ask(whole.length)).errorCode).toBe(ErrorCode.POSITION_OUT_OF_RANGE)
  expect((await ask(-1)).errorCode).toBe(ErrorCode.POSITION_OUT_OF_RANGE)
  expect((await ask(0, offset + 1)).errorCode).toBe(ErrorCode.SNAPSHOT_NOT_FOUND)
  expect((await ask(0, offset, 1)).errorCode).toBe(ErrorCode.UNKNOWN_TOPIC_OR_PARTITION)
  expect((await ask(0, offset, 0, 0)).errorCode).toBe(ErrorCode.FENCED_LEADER_EPOCH)
})

it('hears nobody who has no right to act for the cluster', async () => {
  const { nodes } = await stranger()
  const broker = { clusterId: NO_ID, quorum: nodes.node(2)!.quorum }
  const partition = {
    partitionIndex: 0,
    replicaId: 3,
    replicaEpoch: 9,
    lastOffset: 9,
    lastOffsetEpoch: 8,
    preVote: false,
  }
  const request = { clusterId: null, topics: [{ topicName: TOPIC, partitions: [partition] }] }
  const answer = await serveVote.handle(broker as never, request as never, { may: () => false } as never)
  expect(answer).toEqual({ errorCode: ErrorCode.CLUSTER_AUTHORIZATION_FAILED, topics: [] })
  expect(broker.quorum.leaderEpoch).toBe(1)
})
