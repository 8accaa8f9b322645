// Elections, reassignments, log directories, the quorum and the registration of brokers, where there is one of each.
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, it, onTestFinished } from 'vitest'
import { ErrorCode } from '../../../src/protocol/errors.ts'
import { alterPartitionReassignments } from '../../../src/protocol/messages/alter-partition-reassignments.ts'
import { alterReplicaLogDirs } from '../../../src/protocol/messages/alter-replica-log-dirs.ts'
import { createDelegationToken } from '../../../src/protocol/messages/create-delegation-token.ts'
import { describeDelegationToken } from '../../../src/protocol/messages/describe-delegation-token.ts'
import { describeLogDirs } from '../../../src/protocol/messages/describe-log-dirs.ts'
import { describeQuorum } from '../../../src/protocol/messages/describe-quorum.ts'
import { electLeaders } from '../../../src/protocol/messages/elect-leaders.ts'
import { listPartitionReassignments } from '../../../src/protocol/messages/list-partition-reassignments.ts'
import { unregisterBroker } from '../../../src/protocol/messages/unregister-broker.ts'
import { embeddedCluster } from '../embedded-cluster.ts'
import { makeTopic } from '../requests.ts'

const connected = async () => {
  const connection = await (await embeddedCluster()).connect()
  await makeTopic(connection, 't', { partitions: 2 })
  return connection
}

it('needs no election, of any kind', async () => {
  const connection = await connected()
  const elect = async (electionType: number, topicPartitions: { topic: string; partitions: number[] }[] | null) => {
    const { errorCode, replicaElectionResults } = await connection.send(electLeaders, { electionType, topicPartitions })
    const results = replicaElectionResults.map(({ topic, partitionResult }) => {
      return [topic, ...partitionResult.map((partition) => partition.errorCode)]
    })
    return [errorCode, ...results]
  }
  const asked = [
    { topic: 't', partitions: [0, 9] },
    { topic: 'absent', partitions: [0] },
  ]
  const { ELECTION_NOT_NEEDED, UNKNOWN_TOPIC_OR_PARTITION, INVALID_REQUEST } = ErrorCode
  const expected = [0, ['t', ELECTION_NOT_NEEDED, UNKNOWN_TOPIC_OR_PARTITION], ['absent', UNKNOWN_TOPIC_OR_PARTITION]]
  expect(await elect(0, asked)).toEqual(expected)
  expect(await elect(1, asked)).toEqual(expected)
  expect(await elect(0, null)).toEqual([0, ['t']])
  expect(await elect(7, [{ topic: 't', partitions: [0] }])).toEqual([INVALID_REQUEST, ['t', INVALID_REQUEST]])
})

it('takes the assignment that there is, and no other', async () => {
  const connection = await connected()
  const assign = async (name: string, partitionIndex: number, replicas: number[] | null) => {
    const topics = [{ name, partitions: [{ partitionIndex, replicas }] }]
    const { errorCode, responses } = await connection.send(alterPartitionReassignments, { topics })
    expect(errorCode).toBe(0)
    return responses[0]!.partitions[0]!.errorCode
  }
  expect(await assign('t', 0, [1])).toBe(0)
  for (const replicas of [[2], [1, 1], [1, 2], []]) {
    expect(await assign('t', 0, replicas)).toBe(ErrorCode.INVALID_REPLICA_ASSIGNMENT)
  }
  expect(await assign('t', 0, null)).toBe(ErrorCode.NO_REASSIGNMENT_IN_PROGRESS)
  expect(await assign('t', 9, [1])).toBe(ErrorCode.UNKNOWN_TOPIC_OR_PARTITION)
  expect(await assign('absent', 0, [1])).toBe(ErrorCode.UNKNOWN_TOPIC_OR_PARTITION)
  expect(await connection.send(listPartitionReassignments, { topics: null })).toMatchObject({
    errorCode: 0,
    topics: [],
  })
})

it('has one log directory, of a disk with an end', async () => {
  const data = mkdtempSync(join(tmpdir(), 'log-dirs-'))
  onTestFinished(() => rmSync(data, { recursive: true, force: true }))
  const connection = await (await embeddedCluster({ data })).connect()
  await makeTopic(connection, 't')
  const { results } = await connection.send(describeLogDirs, { topics: null })
  const { logDir, totalBytes, usableBytes } = results[0]!
  expect(logDir).toBe(join(data, '1'))
  expect(totalBytes).toBeGreaterThan(usableBytes)
  expect(usableBytes).toBeGreaterThan(0)
  const move = async (path: string, name: string) => {
    const request = { dirs: [{ path, topics: [{ name, partitions: [0] }] }] }
    return (await connection.send(alterReplicaLogDirs, request)).results[0]!.partitions[0]!.errorCode
  }
  expect(await move(logDir, 't')).toBe(0)
  expect(await move('/elsewhere', 't')).toBe(ErrorCode.LOG_DIR_NOT_FOUND)
  expect(await move(logDir, 'absent')).toBe(ErrorCode.UNKNOWN_TOPIC_OR_PARTITION)
  const inMemory = await (await connected()).send(describeLogDirs, { topics: null })
  expect(inMemory.results[0]).toMatchObject({ totalBytes: -1, usableBytes: -1 })
})

it('tells the truth about a quorum of one', async () => {
  const cluster = await embeddedCluster()
  const connection = await cluster.connect()
  const ask = async (topicName: string, partitionIndex = 0) => {
    const answer = await connection.send(describeQuorum, { topics: [{ topicName, partitions: [{ partitionIndex }] }] })
    return { nodes: answer.nodes, ...answer.topics[0]!.partitions[0]! }
  }
  const before = await ask('__cluster_metadata')
  const voter = before.currentVoters[0]!
  expect(before).toMatchObject({ errorCode: 0, leaderId: 1, currentVoters: [{ replicaId: 1 }], observers: [] })
  expect(voter.logEndOffset).toBe(before.highWatermark)
  expect(voter.lastCaughtUpTimestamp).toBeGreaterThan(0)
  const [host, port] = cluster.bootstrap.split(':')
  expect(before.nodes).toEqual([{ nodeId: 1, listeners: [{ name: 'PLAINTEXT', host, port: Number(port) }] }])
  await makeTopic(connection, 't')
  // The topic, its config and its partition.
  expect((await ask('__cluster_metadata')).highWatermark).toBeGreaterThan(before.highWatermark + 1)
  expect(await ask('t')).toMatchObject({ errorCode: ErrorCode.UNKNOWN_TOPIC_OR_PARTITION })
  expect(await ask('__cluster_metadata', 1)).toMatchObject({ errorCode: ErrorCode.UNKNOWN_TOPIC_OR_PARTITION })
})

it('knows which brokers there are, and that there are no tokens', async () => {
  const connection = await connected()
  const forget = async (brokerId: number) => (await connection.send(unregisterBroker, { brokerId })).errorCode
  expect(await forget(7)).toBe(ErrorCode.BROKER_ID_NOT_REGISTERED)
  expect(await forget(1)).toBe(0)
  // Nobody has logged in on this connection.
  const { DELEGATION_TOKEN_REQUEST_NOT_ALLOWED } = ErrorCode
  const wanted = { renewers: [], maxLifetimeMs: -1, ownerPrincipalType: null, ownerPrincipalName: null }
  const created = await connection.send(createDelegationToken, wanted)
  expect(created.errorCode).toBe(DELEGATION_TOKEN_REQUEST_NOT_ALLOWED)
  const described = await connection.send(describeDelegationToken, { owners: null })
  expect(described.errorCode).toBe(DELEGATION_TOKEN_REQUEST_NOT_ALLOWED)
})
