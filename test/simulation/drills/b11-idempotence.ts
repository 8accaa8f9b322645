import { replicasAgree } from '../checkers/replicas.ts'
import { after } from '../checkers/settled.ts'
import { clustersKeepTheirWord } from '../checkers/words.ts'
import { drawn, type Fault } from '../faults/drawn.ts'
import { cut, hold, reset } from '../faults/network.ts'
import { cutPower, kill, oneAtATime, pause } from '../faults/processes.ts'
import type { Faults, Scenario, Topology } from '../scenario.ts'
import { BROKERS, CLUSTER, threeBrokers } from '../topologies/three-brokers.ts'
import { DISORDERED, REPEATED, sequencers, WRAPPED } from '../workloads/sequencer.ts'
import type { World } from '../world.ts'

const TOPIC = 'orders'
const PRODUCERS = 3
const HOME = 'oregon'
const LOST = 'answers were lost'
const SNAPSHOT = 'the producers came from a snapshot'
const producers = Array.from({ length: PRODUCERS }, (_, index) => `idempotent-${index}`)

/** Stopped in good order it leaves a snapshot of its producers, and begins with that. */
const stop: Fault = (world) => {
  const broker = world.program('broker')
  if (!broker.machine.isUp) return undefined
  broker.stop!().then(
    () => world.bit(SNAPSHOT),
    () => {},
  )
  return () => {
    if (broker.machine.isUp) broker.machine.kill()
    broker.start()
  }
}

/** In between, some answers to writes are lost on their way. */
function withLostAnswers(faults: Faults, cluster: string): Faults {
  return async (world: World, seconds) => {
    const lost = world
      .cluster(cluster)
      .faults.add({ api: 'Produce', topic: TOPIC, probability: 0.04, drop: 'response' })
    await faults(world, seconds)
    if (lost.hits > 0) world.bit(LOST, lost.hits)
    lost.remove()
  }
}

const oneBroker: Topology = async (world) => {
  const cluster = await world.addCluster('broker', 'virginia', { config: { 'log.flush.interval.messages': 1 } })
  // Segments are closed every few batches, each with a snapshot of the producers.
  await world.outcome(cluster.makeTopic(TOPIC, 2, { 'internal.segment.bytes': '2000' }))
}

const common = {
  seconds: 20,
  checkers: [after(10_000), clustersKeepTheirWord],
  mustBite: [WRAPPED, REPEATED, DISORDERED, LOST],
}

export const b11: readonly Scenario[] = [
  {
    ...common,
    name: 'B11',
    shows:
      'what idempotent producers send again, late, out of order or beyond the last sequence is there once and in order',
    topology: oneBroker,
    workloads: [sequencers({ to: 'broker', topic: TOPIC, producers: PRODUCERS, datacenter: HOME })],
    faults: withLostAnswers(
      drawn(
        {
          kill: kill('broker'),
          stop,
          'stop again': stop,
          'cut the power': cutPower('broker'),
          cut: cut(HOME, 'virginia'),
          reset: reset(HOME, 'virginia'),
          ...Object.fromEntries(producers.map((producer) => [`hold up ${producer}`, hold(producer, 'broker')])),
        },
        { every: [200, 1_500], lasting: [50, 2_000] },
      ),
      'broker',
    ),
    mustBite: [...common.mustBite, SNAPSHOT],
  },
  {
    ...common,
    name: 'B11 of three',
    shows: 'the same while leaders move over three brokers',
    topology: threeBrokers(),
    workloads: [sequencers({ to: CLUSTER, topic: TOPIC, producers: PRODUCERS, datacenter: 'virginia' })],
    faults: withLostAnswers(
      drawn(
        Object.fromEntries(
          BROKERS.flatMap((broker) => [
            [`kill ${broker}`, oneAtATime(BROKERS, kill(broker))],
            [`pause ${broker}`, oneAtATime(BROKERS, pause(broker))],
          ]),
        ),
        { every: [500, 3_000], lasting: [200, 4_000] },
      ),
      CLUSTER,
    ),
    checkers: [after(10_000), replicasAgree, clustersKeepTheirWord],
  },
]
