// Carries the disorder out on the processes of a cluster.
import { setTimeout as delay } from 'node:timers/promises'
import type { SeededRandom } from '../fuzz/seeded-random.ts'
import { Findings, type Violation } from '../oracle/violation.ts'
import type { BrokerProcesses } from '../support/broker-processes.ts'
import { type Mishap, nextStep } from './disorder.ts'

export interface Wreckage {
  readonly kills: number
  readonly freezes: number
  /** Brokers that ended by themselves, or could not start. */
  readonly ended: readonly Violation[]
}

/** Resolves when the time is over and all brokers run and serve again. */
export async function wreak(
  cluster: BrokerProcesses,
  random: SeededRandom,
  seconds: number,
  say: (line: string) => void,
): Promise<Wreckage> {
  const counts = { kill: 0, freeze: 0 }
  const findings = new Findings('brokers')
  /** Those that are down or frozen. One that is being started may be struck again. */
  const struck = new Set<number>()
  const starts = new Set<Promise<void>>()

  async function strike({ kind, broker, forMs }: Mishap): Promise<void> {
    if (struck.has(broker)) return
    say(`${kind} ${broker} for ${forMs} ms`)
    if (kind === 'kill' && !cluster.isRunning(broker))
      findings.add('unseen', `broker ${broker} had ended: ${cluster.logOf(broker)}`)
    struck.add(broker)
    counts[kind]++
    if (kind === 'kill') await cluster.kill(broker)
    else cluster.freeze(broker)
    await delay(forMs)
    struck.delete(broker)
    if (kind === 'freeze') return cluster.thaw(broker)
    await cluster.start(broker).catch((error) => {
      if (!struck.has(broker)) findings.add('unseen', String(error))
    })
  }

  const deadline = performance.now() + seconds * 1000
  while (performance.now() < deadline) {
    const { mishaps, thenMs } = nextStep(random, cluster.ids)
    for (const mishap of mishaps) {
      const over = strike(mishap).finally(() => starts.delete(over))
      starts.add(over)
    }
    await delay(thenMs)
  }
  await Promise.all(starts)
  await Promise.all(cluster.ids.map((id) => cluster.start(id)))
  return { kills: counts.kill, freezes: counts.freeze, ended: findings.violations() }
}
