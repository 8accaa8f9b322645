import { copiesAreExact } from '../checkers/copies.ts'
import { clustersKeepTheirWord } from '../checkers/words.ts'
import { drawn } from '../faults/drawn.ts'
import { cut, cutOneWay, reset, slow } from '../faults/network.ts'
import { kill, killWhoseWordsComeLate, pause } from '../faults/processes.ts'
import type { Scenario } from '../scenario.ts'
import { MIRROR, oneWay, TOPICS } from '../topologies/one-way.ts'
import { asker } from '../workloads/asker.ts'
import { writer } from '../workloads/writer.ts'

const LATE = 'kill the mirror, whose last words come late'

const common = {
  workloads: [writer({ to: 'east', topics: Object.keys(TOPICS) }), asker],
  checkers: [clustersKeepTheirWord, copiesAreExact],
}

const everything = drawn({
  cut: cut('virginia', 'oregon'),
  'cut one way': cutOneWay('virginia', 'oregon'),
  reset: reset('virginia', 'oregon'),
  'reset at home': reset('oregon', 'oregon'),
  slow: slow('oregon', 'oregon'),
  'kill the mirror': kill(MIRROR),
  [LATE]: killWhoseWordsComeLate(MIRROR, 'west'),
  'pause the mirror': pause(MIRROR),
  'kill the source': kill('east'),
  'kill the target': kill('west'),
})

export const mirrorScenario: Scenario = {
  ...common,
  name: 'mirror',
  shows: 'a mirror through everything that can be cut, slowed, killed and paused loses, doubles and reorders nothing',
  seconds: 40,
  topology: oneWay(),
  faults: everything,
}

export const mirrorInTransactions: Scenario = {
  ...common,
  name: 'delivery in transactions',
  shows: 'a mirror that writes in transactions does, through the same, and its readers see each record once',
  seconds: 40,
  topology: oneWay({ mirror: { flow: { transactional: { commitIntervalMs: 500 } } } }),
  faults: everything,
}

export const lateWords: Scenario = {
  ...common,
  name: 'late words',
  shows: 'what dead mirrors still send harms nothing',
  seconds: 40,
  topology: oneWay(),
  faults: drawn({ [LATE]: killWhoseWordsComeLate(MIRROR, 'west') }),
  mustBite: [LATE],
}
