// What an operator is told who asks for other voters; in the words of Apache Kafka 4.3.1, which was asked the same.
import { expect, it } from 'vitest'
import { addedVoter, removedVoter, updatedVoter, type VotersNow } from '../../../src/broker/raft/voter-request.ts'
import { type VoterNode, voterNode } from '../../../src/broker/raft/voter-set.ts'
import { ErrorCode } from '../../../src/protocol/errors.ts'
import { ZERO_UUID } from '../../../src/protocol/schema.ts'

const directory = (nodeId: number) => `AAAAAAAAAAAAAAAAAAAA${nodeId}w`
const node = (nodeId: number, directoryId = directory(nodeId)): VoterNode => {
  return voterNode(nodeId, [{ name: 'INTERNAL', host: 'localhost', port: 9 }], directoryId)
}
const fetched = { logEndOffset: 9, lastFetchTimestamp: 9, lastCaughtUpTimestamp: 9 }
const now: VotersNow = {
  voters: [node(1), node(3)],
  areRecorded: true,
  mayChange: true,
  observers: [
    { replicaId: 2, directoryId: directory(2), ...fetched },
    { replicaId: 4, directoryId: directory(4), ...fetched, lastCaughtUpTimestamp: -1 },
  ],
}
const ids = (decided: ReturnType<typeof addedVoter>) =>
  'errorCode' in decided ? decided : decided.map(({ nodeId }) => nodeId)

it('takes in who has all of the log, and lets go whom it knows, one at a time', () => {
  expect(ids(addedVoter(now, node(2)))).toEqual([1, 2, 3])
  expect(ids(removedVoter(now, node(1)))).toEqual([3])
})

it.each([
  ['INVALID_REQUEST', /didn't include a valid voter/, now, node(2, ZERO_UUID)],
  ['INVALID_REQUEST', /didn't include a valid voter/, now, node(-1)],
  ['INVALID_REQUEST', /didn't include the endpoint \(\) for the default listener/, now, { ...node(2), endpoints: [] }],
  [
    'UNSUPPORTED_VERSION',
    /adding voter because the kraft.version feature is 0/,
    { ...now, areRecorded: false },
    node(2),
  ],
  ['REQUEST_TIMED_OUT', /previous voter change request/, { ...now, mayChange: false }, node(2)],
  ['DUPLICATE_VOTER', /is already part of the set of voters \[ReplicaKey\(id=1/, now, node(1, directory(9))],
  ['REQUEST_TIMED_OUT', /since it is lagging behind/, now, node(4)],
  ['REQUEST_TIMED_OUT', /since it is lagging behind/, now, node(2, directory(9))],
  ['REQUEST_TIMED_OUT', /since it is lagging behind/, now, node(5)],
] as const)('adds nobody where Kafka says %s: %s', (error, message, known, asked) => {
  expect(addedVoter(known, asked)).toEqual({
    errorCode: ErrorCode[error],
    errorMessage: expect.stringMatching(message),
  })
})

it.each([
  ['INVALID_REQUEST', /didn't include a valid voter/, now, node(1, ZERO_UUID)],
  [
    'UNSUPPORTED_VERSION',
    /removing voter because the kraft.version feature is 0/,
    { ...now, areRecorded: false },
    node(1),
  ],
  ['REQUEST_TIMED_OUT', /previous voter change request/, { ...now, mayChange: false }, node(1)],
  ['VOTER_NOT_FOUND', /Cannot remove voter ReplicaKey\(id=2/, now, node(2)],
  ['VOTER_NOT_FOUND', /Cannot remove voter ReplicaKey\(id=1/, now, node(1, directory(9))],
  ['VOTER_NOT_FOUND', /Cannot remove voter ReplicaKey\(id=1/, { ...now, voters: [node(1)] }, node(1)],
] as const)('removes nobody where Kafka says %s: %s', (error, message, known, asked) => {
  expect(removedVoter(known, asked)).toEqual({
    errorCode: ErrorCode[error],
    errorMessage: expect.stringMatching(message),
  })
})

const moved = { ...node(1), endpoints: [{ name: 'INTERNAL', host: 'elsewhere', port: 9 }] }
const knowing = (minSupportedVersion: number, maxSupportedVersion: number) => {
  return { ...moved, kRaftVersionFeature: { minSupportedVersion, maxSupportedVersion } }
}

it('writes down what a voter says of itself, also of one whose directory nobody knew', () => {
  expect(updatedVoter(now, moved)).toEqual([moved, node(3)])
  expect(updatedVoter({ ...now, voters: [node(1, ZERO_UUID), node(3)] }, knowing(1, 4))).toEqual([
    knowing(1, 4),
    node(3),
  ])
})

it.each([
  ['INVALID_REQUEST', 'it has no directory', now, { ...moved, directoryId: ZERO_UUID }],
  ['INVALID_REQUEST', 'it has no id', now, { ...moved, nodeId: -1 }],
  [
    'INVALID_REQUEST',
    'nodes do not meet there',
    now,
    { ...moved, endpoints: [{ name: 'PLAINTEXT', host: 'h', port: 9 }] },
  ],
  ['INVALID_REQUEST', 'no level is below none', now, knowing(-1, 1)],
  ['INVALID_REQUEST', 'its levels end before they begin', now, knowing(1, 0)],
  ['UNSUPPORTED_VERSION', 'the log does not say who votes', { ...now, areRecorded: false }, moved],
  ['REQUEST_TIMED_OUT', 'another change is under way', { ...now, mayChange: false }, moved],
  ['INVALID_REQUEST', 'it does not know the level that holds', now, knowing(0, 0)],
  ['INVALID_REQUEST', 'it does not know it any more', now, knowing(2, 3)],
  ['VOTER_NOT_FOUND', 'it does not vote', now, { ...moved, nodeId: 2 }],
  ['VOTER_NOT_FOUND', 'another directory votes', now, { ...moved, directoryId: directory(9) }],
] as const)('answers %s to a voter that tells of itself where %s', (error, _why, known, asked) => {
  expect(updatedVoter(known, asked)).toBe(ErrorCode[error])
})
