// Bugs that are put into broker, mirror and machine on purpose, one at a time, each with the seed that finds it.
import { MarkerWriter } from '../../src/broker/coordinator/transaction/marker-writer.ts'
import { TransactionMachine } from '../../src/broker/coordinator/transaction/transaction-machine.ts'
import { ProducerState } from '../../src/broker/log/producer-state.ts'
import { OffsetMap } from '../../src/offset-translation/offset-map.ts'
import { SimMachine } from '../../src/simulation/sim-machine.ts'
import { type PlantedBug, replaced, together } from './planted-bug.ts'
import { raftBugs } from './raft-bugs.ts'
import { lateWords, mirrorScenario } from './scenarios/mirror.ts'
import { powerWithoutSync, transactions } from './scenarios/transactions.ts'

/** The machine's cache is lost whenever a process on it dies. */
const forgetful = (machine: string) => () =>
  replaced(
    SimMachine.prototype,
    'kill',
    (original) =>
      function (this: SimMachine) {
        if (this.name === machine) this.cutPower()
        else original.call(this)
      },
  )

const withoutProducerChecks = () =>
  replaced(ProducerState.prototype, 'check', () => () => ({
    error: 0,
    message: '',
    duplicate: undefined,
    entries: new Map(),
    started: [],
    completed: [],
  }))

export const plantedBugs: readonly PlantedBug[] = [
  ...raftBugs,
  {
    name: 'the target does not compare sequences',
    scenario: lateWords,
    finds: /duplicate|unseen|lost/,
    seed: 1,
    plant: withoutProducerChecks,
  },
  {
    name: 'an offset is translated to its neighbour',
    scenario: mirrorScenario,
    finds: /skipped/,
    seed: 1,
    plant: () =>
      replaced(
        OffsetMap.prototype,
        'translate',
        (original) =>
          function (this: OffsetMap, upstream: number) {
            const found = original.call(this, upstream)
            return found !== undefined && upstream % 97 === 96 ? found + 1 : found
          },
      ),
  },
  {
    name: 'the source forgets what it acknowledged',
    scenario: mirrorScenario,
    finds: /lost at east|unseen/,
    seed: 1,
    plant: forgetful('east'),
  },
  {
    name: 'the target forgets what it acknowledged',
    scenario: mirrorScenario,
    finds: /unseen/,
    seed: 2,
    plant: forgetful('west'),
  },
  {
    name: 'a broker that may lose its power does not sync',
    scenario: powerWithoutSync,
    finds: /lost|torn|unseen/,
    seed: 1,
    plant: () => () => {},
  },
  {
    name: 'the markers of a decision are forgotten',
    scenario: transactions,
    finds: /unseen|lost/,
    seed: 1,
    plant: () => {
      let decisions = 0
      return replaced(
        MarkerWriter.prototype,
        'follow',
        (original) =>
          function (this: MarkerWriter, record) {
            if (record.value?.state !== 'PrepareCommit' || ++decisions % 40 !== 0) original.call(this, record)
          },
      )
    },
  },
  {
    name: 'a coordinator forgets, in a restart, what it had decided',
    scenario: transactions,
    finds: /unseen/,
    seed: 1,
    plant: () =>
      replaced(
        TransactionMachine.prototype,
        'loaded',
        (original) =>
          function (this: TransactionMachine, nowMs) {
            original.call(this, nowMs)
            return { records: [], replies: [], timers: [] }
          },
      ),
  },
  {
    name: 'coordinator and log let the dead go on writing',
    scenario: transactions,
    finds: /unseen|torn|aborted|precommitted/,
    seed: 8,
    plant: together(
      () =>
        replaced(
          TransactionMachine.prototype,
          'handle',
          (original) =>
            function (this: TransactionMachine, id, command, nowMs) {
              const effects = original.call(this, id, command, nowMs)
              if (command.type !== 'add-partitions') return effects
              return { ...effects, replies: effects.replies.map((one) => ({ ...one, reply: { errorCode: 0 } })) }
            },
        ),
      () =>
        replaced(
          ProducerState.prototype,
          'check',
          (original) =>
            function (this: ProducerState, batches) {
              return original.call(this, batches, 'replication')
            },
        ),
    ),
  },
]
