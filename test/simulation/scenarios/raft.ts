import { quorumAgrees } from '../checkers/quorum.ts'
import { drawn, type Fault } from '../faults/drawn.ts'
import { cutPower, kill, pause } from '../faults/processes.ts'
import {
  changeVoters,
  cutPair,
  DISK_LOST,
  isolate,
  killLeaders,
  loseDisk,
  loseWitness,
  someNode,
  VOTERS_CHANGED,
} from '../faults/quorum.ts'
import type { Scenario } from '../scenario.ts'
import { quorum, SNAPSHOT_FETCHED } from '../topologies/quorum.ts'
import { quotas } from '../workloads/quotas.ts'

const common = { workloads: [quotas], checkers: [quorumAgrees], seconds: 60 }
const deaths: Readonly<Record<string, Fault>> = {
  kill: someNode(kill),
  'cut the power': someNode(cutPower),
  pause: someNode(pause),
  'kill leader after leader': killLeaders,
}
const often = { every: [200, 5_000], lasting: [100, 6_000] } as const
const seldom = { every: [200, 6_000], lasting: [100, 3_500] } as const

export const raft: Scenario = {
  ...common,
  name: 'raft',
  shows: 'controllers that die, stall and are cut off, one way too, agree on what is committed and lose none of it',
  topology: quorum({ nodes: 3, voters: 3 }),
  faults: drawn({ ...deaths, isolate, cut: cutPair }, often),
}

export const raftOfFive: Scenario = {
  ...common,
  name: 'raft of five',
  shows: 'five voters and two observers do too',
  seconds: 30,
  topology: quorum({ nodes: 7, voters: 5 }),
  faults: drawn({ ...deaths, isolate, cut: cutPair }, often),
}

export const raftSnapshots: Scenario = {
  ...common,
  name: 'raft, snapshots',
  shows: 'voters and observers who fall behind the start of the log, or lose all of it, go on from a snapshot',
  seconds: 60,
  topology: quorum({ nodes: 4, voters: 3, config: { 'metadata.log.max.record.bytes.between.snapshots': 2_000 } }),
  faults: drawn({ 'lose a disk': loseDisk, 'lose another': loseDisk, ...deaths, isolate }, seldom),
  mustBite: [DISK_LOST, SNAPSHOT_FETCHED],
}

const changing = { 'change the voters': changeVoters, 'change them again': changeVoters, 'and again': changeVoters }

export const raftVoters: Scenario = {
  ...common,
  name: 'raft, other voters',
  shows:
    'five nodes of which now these vote, now those, one to all of them, do too, and one that leads may be taken out',
  topology: quorum({ nodes: 5, voters: 3, config: { 'metadata.log.max.record.bytes.between.snapshots': 4_000 } }),
  faults: drawn({ ...changing, ...deaths, isolate, cut: cutPair }, often),
  mustBite: [VOTERS_CHANGED],
}

export const raftElections: Scenario = {
  ...common,
  name: 'raft, back to back',
  shows: 'voters that die in the middle of one election after the other elect one leader an epoch, and nothing is lost',
  seconds: 30,
  topology: quorum({ nodes: 3, voters: 3, config: { 'controller.quorum.election.timeout.ms': 100 } }),
  faults: drawn(
    { kill: someNode(kill), 'cut the power': someNode(cutPower), cut: cutPair },
    { every: [5, 150], lasting: [1, 80] },
  ),
}

export const raftLostDisk: Scenario = {
  ...common,
  name: 'raft, a lost disk',
  shows: 'a voter that comes back without its disk costs nothing that was committed',
  topology: quorum({ nodes: 3, voters: 3 }),
  faults: drawn({ 'lose a disk': loseDisk, 'lose a witness': loseWitness, ...deaths, isolate }, seldom),
  mustBite: [DISK_LOST],
}
