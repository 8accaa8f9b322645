import { copiesAreExact } from '../checkers/copies.ts'
import { clustersKeepTheirWord } from '../checkers/words.ts'
import { drawn } from '../faults/drawn.ts'
import { cut, cutOneWay, reset } from '../faults/network.ts'
import { kill } from '../faults/processes.ts'
import type { Scenario } from '../scenario.ts'
import { threeDatacenters } from '../topologies/three-datacenters.ts'
import { writer } from '../workloads/writer.ts'

const CLUSTERS = ['east', 'west', 'north']
const MINUTE_MS = 60_000

/** `--seconds 86400` is the day; what it costs to play is told in the last line of a run. */
export const day: Scenario = {
  name: 'day',
  shows:
    'three datacenters that all mirror each other, with writers in each, through an ordinary day of cuts, resets and restarts',
  seconds: 300,
  topology: threeDatacenters({ orders: 2 }),
  workloads: CLUSTERS.map((to) => writer({ to, every: [500, 4_000] })),
  faults: drawn(
    {
      'cut virginia from oregon': cut('virginia', 'oregon'),
      'cut oregon from frankfurt': cut('oregon', 'frankfurt'),
      'cut one way': cutOneWay('virginia', 'frankfurt'),
      reset: reset('virginia', 'oregon'),
      ...Object.fromEntries(CLUSTERS.map((cluster) => [`kill ${cluster}`, kill(cluster)])),
      'kill a mirror': kill('mirror-east-west'),
      'kill another mirror': kill('mirror-north-east'),
    },
    { every: [MINUTE_MS, 5 * MINUTE_MS], lasting: [1_000, 2 * MINUTE_MS] },
  ),
  checkers: [clustersKeepTheirWord, copiesAreExact],
}
