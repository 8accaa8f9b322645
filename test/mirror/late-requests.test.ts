// Requests of a dead process that reach the target after its successor has begun: none is lost, doubled or swapped.
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Cluster, startCluster } from '../../src/broker/cluster.ts'
import type { ClusterClient } from '../../src/client/cluster-client.ts'
import { expectCopied } from '../support/copied.ts'
import { DelayProxy, isProduceTo } from '../support/delay-proxy.ts'
import { clientOf, endOffset, testPlatform, until } from '../support/log-content.ts'
import type { MirrorChildOptions } from '../support/mirror-child.ts'
import { MirrorProcess } from '../support/mirror-process.ts'
import { seededCluster } from '../support/seeded-cluster.ts'
import { compactedLog, plainLog, randomOf, transactionalLog } from '../support/source-logs.ts'

let target: Cluster
let west: ClusterClient

beforeAll(async () => {
  target = await startCluster(testPlatform, { name: 'west' })
  west = clientOf(target.bootstrap)
  await west.refresh()
})

afterAll(async () => {
  west.close()
  await target.stop()
})

/** One life of the mirror, behind a proxy that holds back its produce requests from the n-th on. */
class Life {
  readonly proxy: DelayProxy
  readonly mirror: MirrorProcess
  readonly #brake: { isOn: boolean }

  private constructor(proxy: DelayProxy, mirror: MirrorProcess, brake: { isOn: boolean }) {
    this.proxy = proxy
    this.mirror = mirror
    this.#brake = brake
  }

  static async begin(options: MirrorChildOptions, remote: string, holdFrom: number): Promise<Life> {
    const [host, port] = options.target.split(':')
    const brake = { isOn: true }
    let seen = 0
    const proxy = await DelayProxy.start({
      host: host!,
      port: Number(port),
      holds: (frame) => brake.isOn && isProduceTo(frame, remote) && seen++ >= holdFrom,
    })
    const mirror = new MirrorProcess({ ...options, via: { [options.target]: proxy.address } })
    return new Life(proxy, mirror, brake)
  }

  /** What is held goes on; what comes after it is held again. */
  step(): void {
    this.proxy.release()
  }

  letGo(): void {
    this.#brake.isOn = false
    this.proxy.release()
  }
}

describe.each([
  ['plain', 'delete', plainLog],
  ['compacted', 'compact', compactedLog],
  ['transactional', 'delete', transactionalLog],
] as const)('late requests of a %s topic', (kind, policy, log) => {
  test('are refused or taken for what they are, at whatever moment of the next lives they arrive', {
    timeout: 90_000,
  }, async () => {
    const seeded = await seededCluster('east', [
      { name: kind, configs: { 'cleanup.policy': policy }, logs: [log(7, 4_000)] },
    ])
    const reader = clientOf(seeded.bootstrap)
    await reader.refresh()
    const remote = `${kind}.${kind}`
    const random = randomOf(11)
    const end = () => endOffset(west, remote, 0)
    const common = { source: seeded.bootstrap, target: target.bootstrap, flow: { source: kind } }
    const dead: Life[] = []
    let late = 0
    for (let round = 0; round < 10; round++) {
      // Fetches of another size in each life, so that batches are cut and joined in other places.
      const bytes = 1_500 + random(3_000)
      const limits = { fetchPartitionBytes: bytes, fetchBytes: bytes * 2, settleMs: 200, windowBytes: 64 * 1024 }
      // Now and then it is the progress that comes late.
      const held = kind !== 'plain' && round % 4 === 3 ? `heliostat.${kind}.progress.internal` : remote
      const life = await Life.begin({ ...common, limits }, held, held === remote ? random(4) : random(2))
      await until(
        () => life.proxy.heldRequests > (held === remote ? 2 : 0),
        () => `life ${round} sends nothing`,
      )
      if (dead.length > 0 && random(3) > 0) {
        const [former] = dead.splice(random(dead.length), 1)
        late += former!.proxy.heldRequests
        former!.letGo()
      }
      if (held === remote && random(3) > 0) {
        const before = await end()
        await until(
          async () => {
            life.step()
            return (await end()) > before
          },
          () => `life ${round} does not go on`,
        )
      }
      await life.mirror.kill()
      dead.push(life)
    }
    expect(late, 'no request was late').toBeGreaterThan(5)
    const last = new MirrorProcess({ ...common, limits: { settleMs: 200 } })
    for (const life of dead) life.letGo()
    await expectCopied({ client: reader, topic: kind }, { client: west, topic: remote })
    await last.kill('SIGTERM')
    await Promise.all(dead.map((life) => life.proxy.stop()))
    reader.close()
    await seeded.stop()
  })
})
