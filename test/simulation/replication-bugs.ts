import { Partition } from '../../src/broker/partition.ts'
import { ReplicaState } from '../../src/broker/replication/replica-state.ts'
import { replicasAgreeWithin } from './checkers/replicas.ts'
import { replicationDrills } from './drills/replication.ts'
import { type PlantedBug, replaced, replacedGetter } from './planted-bug.ts'
import type { Scenario } from './scenario.ts'

const drill = (name: string): Scenario => replicationDrills.find((one) => one.name === name)!

export const replicationBugs: readonly PlantedBug[] = [
  {
    name: 'a write counts as committed when the leader has it',
    scenario: drill('B09'),
    finds: /lost|offset-conflict|went-back/,
    seed: 1,
    plant: () =>
      replaced(
        ReplicaState.prototype,
        'highWatermark',
        () =>
          function (this: ReplicaState, { logEndOffset }) {
            return logEndOffset
          },
      ),
  },
  {
    name: 'a replica that follows keeps what its leader does not have',
    // It is told again and again to cut itself back, which takes its time to play.
    scenario: { ...drill('B09'), checkers: [replicasAgreeWithin(8_000)] },
    finds: /unseen|offset-conflict/,
    seed: 2,
    plant: () => replaced(Partition.prototype, 'truncateTo', () => () => {}),
  },
  {
    name: 'where a log ends is told before it is committed',
    scenario: drill('B15'),
    finds: /unreadable|went-back/,
    seed: 4,
    plant: () =>
      replaced(
        Partition.prototype,
        'latestOffset',
        (original) =>
          function (this: Partition, isolation) {
            return original.call(this, isolation === 'read_uncommitted' ? 'log_end' : isolation)
          },
      ),
  },
  {
    name: 'a new leader tells at once what it knows to be committed',
    scenario: drill('B15'),
    finds: /went-back/,
    seed: 3,
    plant: () => replacedGetter(Partition.prototype, 'epochStart', () => () => 0),
  },
]
