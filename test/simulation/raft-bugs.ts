// Bugs that are put into Raft on purpose.
import { Ballot } from '../../src/broker/raft/ballot.ts'
import { QuorumStateFile } from '../../src/broker/raft/election-state.ts'
import { LeaderState } from '../../src/broker/raft/leader-state.ts'
import type { RaftRequest, RaftResponse } from '../../src/broker/raft/message.ts'
import { METADATA_LOG_CONFIG, MetadataLog } from '../../src/broker/raft/metadata-log.ts'
import { RaftQuorum } from '../../src/broker/raft/raft-quorum.ts'
import { VoterHistory } from '../../src/broker/raft/voter-set.ts'
import { type PlantedBug, replaced } from './planted-bug.ts'
import { raft, raftLostDisk, raftOfFive, raftVoters } from './scenarios/raft.ts'

const wrong = /lost|offset-conflict|torn|two leaders|has the leaders|is committed|no leader is followed/

/** A node that answers otherwise than it should. */
const answering =
  (answer: (request: RaftRequest, asked: (request: RaftRequest) => RaftResponse, node: RaftQuorum) => RaftResponse) =>
  () =>
    replaced(
      RaftQuorum.prototype,
      'answer',
      (original) =>
        function (this: RaftQuorum, request: RaftRequest) {
          return answer(request, (one) => original.call(this, one), this)
        },
    )

export const raftBugs: readonly PlantedBug[] = [
  {
    name: 'a voter votes for whoever asks, whatever is missing in its log',
    scenario: raft,
    finds: wrong,
    seed: 3,
    plant: answering((request, asked) => {
      if (request.type !== 'vote') return asked(request)
      const { replicaEpoch, preVote } = request
      return asked({ ...request, last: { offset: 1_000_000, epoch: preVote ? replicaEpoch : replicaEpoch - 1 } })
    }),
  },
  {
    name: 'a vote of one is a majority',
    scenario: raft,
    finds: wrong,
    seed: 1,
    plant: () => {
      const original = Object.getOwnPropertyDescriptor(Ballot.prototype, 'isWon')!
      Object.defineProperty(Ballot.prototype, 'isWon', { configurable: true, get: () => true })
      return () => Object.defineProperty(Ballot.prototype, 'isWon', original)
    },
  },
  {
    name: 'what a follower asks for counts as what it has',
    scenario: raft,
    finds: wrong,
    seed: 2,
    plant: () =>
      replaced(
        LeaderState.prototype,
        'fetched',
        (original) =>
          function (this: LeaderState, replicaId, _fetchOffset, leaderEnd, nowMs) {
            original.call(this, replicaId, leaderEnd, leaderEnd, nowMs)
          },
      ),
  },
  {
    name: 'followers are told that all of the log is committed',
    scenario: raftOfFive,
    finds: wrong,
    seed: 7,
    plant: answering((request, asked, { log }) => {
      const response = asked(request)
      if (!response.fetched) return response
      return { ...response, fetched: { ...response.fetched, highWatermark: log.logEndOffset } }
    }),
  },
  {
    name: 'a leader does not see that a log has parted from its own',
    scenario: raft,
    finds: wrong,
    seed: 1,
    plant: answering((request, asked) => {
      const response = asked(request)
      if (!response.fetched?.diverging) return response
      return { ...response, fetched: { ...response.fetched, diverging: undefined } }
    }),
  },
  {
    name: 'a follower keeps what its leader does not have',
    scenario: raft,
    finds: wrong,
    seed: 1,
    plant: () => replaced(MetadataLog.prototype, 'truncateTo', () => () => {}),
  },
  {
    name: 'the metadata is not synced before it is told',
    scenario: raft,
    finds: wrong,
    seed: 1,
    plant: () => {
      const { flushMessages } = METADATA_LOG_CONFIG
      Object.assign(METADATA_LOG_CONFIG, { flushMessages: 1_000_000 })
      return () => void Object.assign(METADATA_LOG_CONFIG, { flushMessages })
    },
  },
  {
    name: 'a voter that lost its disk votes as if it had lost nothing',
    scenario: raftLostDisk,
    finds: wrong,
    seed: 2,
    plant: () =>
      replaced(
        QuorumStateFile.prototype,
        'read',
        (original) =>
          function (this: QuorumStateFile, voters) {
            return original.call(this, voters) ?? { leaderId: -1, leaderEpoch: 0, votedId: -1 }
          },
      ),
  },
  {
    name: 'a leader counts those who voted when it was elected',
    scenario: raftVoters,
    finds: wrong,
    seed: 8,
    plant: () => {
      const elected = new WeakSet<LeaderState>()
      return replaced(
        LeaderState.prototype,
        'votersChanged',
        (original) =>
          function (this: LeaderState, voters) {
            if (!elected.has(this)) original.call(this, voters)
            elected.add(this)
          },
      )
    },
  },
  {
    name: 'followers do not see who votes now',
    scenario: raftVoters,
    finds: wrong,
    seed: 6,
    plant: () =>
      replaced(
        MetadataLog.prototype,
        'appendFetched',
        (original) =>
          function (this: MetadataLog, records) {
            const undo = replaced(VoterHistory.prototype, 'add', () => () => {})
            original.call(this, records)
            undo()
          },
      ),
  },
]
