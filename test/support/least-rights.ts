// Imported before anything else by a test file that starts clusters and mirrors and knows nothing of rights, or with HELIOSTAT_LEAST_RIGHTS=1 by
// all of them: each mirror and daemon is then a user of its own with exactly what `heliostat acls` prints for it, on clusters that refuse everything
// else. Mirrors in processes of their own, those behind proxies, and clusters that have listeners of their own are as they were.
import { vi } from 'vitest'
import type * as Clusters from '../../src/broker/cluster.ts'
import type * as Clients from '../../src/client/cluster-client.ts'
import type * as Daemons from '../../src/daemon.ts'
import type * as Mirrors from '../../src/mirror/mirror.ts'
import type * as Networks from '../../src/platform/node-network.ts'
import type { Platform } from '../../src/platform/platform.ts'
import type * as Kafkas from './apache-kafka.ts'

vi.mock('../../src/broker/cluster.ts', async (importOriginal) => {
  const real = await importOriginal<typeof Clusters>()
  const { closeDoors, LISTENER, openDoors, restricted } = await import('./restricted-ground.ts')
  const startCluster: typeof Clusters.startCluster = async (platform, options) => {
    const secured = restricted(options)
    const cluster = await real.startCluster(platform, secured ?? options)
    if (secured) openDoors(cluster.bootstrap, cluster.listeners[LISTENER]!.bootstrap)
    else closeDoors(cluster.bootstrap)
    return cluster
  }
  return { ...real, startCluster }
})

vi.mock('./apache-kafka.ts', async (importOriginal) => {
  const real = await importOriginal<typeof Kafkas>()
  const { LISTENER, openDoors, securityConfig } = await import('./restricted-ground.ts')
  const start = async (options: Kafkas.ApacheKafkaOptions = {}): Promise<Kafkas.ApacheKafka> => {
    const { config = {}, listeners = [] } = options
    if (listeners.length > 0 || 'listener.security.protocol.map' in config) return real.ApacheKafka.start(options)
    const secured = { ...options, config: { ...securityConfig, ...config }, listeners: [LISTENER] }
    const kafka = await real.ApacheKafka.start(secured)
    openDoors(kafka.bootstrap, kafka.listeners[LISTENER]!)
    return kafka
  }
  return { ...real, ApacheKafka: { start } }
})

/** How Node's own networks dial: a test that puts something in between is not led around it. */
const dials = vi.hoisted(() => new WeakSet<object>())

vi.mock('../../src/platform/node-network.ts', async (importOriginal) => {
  const real = await importOriginal<typeof Networks>()
  const nodeNetwork: typeof Networks.nodeNetwork = (options) => {
    const network = real.nodeNetwork(options)
    dials.add(network.connect)
    return network
  }
  return { ...real, nodeNetwork }
})

interface Made {
  readonly platform: Platform
  readonly options: Clients.ClusterClientOptions
}

const made = vi.hoisted(() => new WeakMap<object, unknown>())

vi.mock('../../src/client/cluster-client.ts', async (importOriginal) => {
  const real = await importOriginal<typeof Clients>()
  class ClusterClient extends real.ClusterClient {
    constructor(platform: Platform, options: Clients.ClusterClientOptions) {
      super(platform, options)
      made.set(this, { platform, options } satisfies Made)
    }
  }
  return { ...real, ClusterClient }
})

vi.mock('../../src/mirror/mirror.ts', async (importOriginal) => {
  const real = await importOriginal<typeof Mirrors>()
  const { ClusterClient } = await import('../../src/client/cluster-client.ts')
  const { canLogIn, grantFlow, loggedIn, nextUser } = await import('./restricted-ground.ts')
  const madeOf = (client: Clients.ClusterClient) => made.get(client) as Made

  class Mirror extends real.Mirror {
    readonly #own: readonly Clients.ClusterClient[]
    readonly #grant: () => Promise<void>

    constructor(platform: Platform, options: Mirrors.MirrorOptions) {
      const own: Clients.ClusterClient[] = []
      let user = ''
      const restrict = (client: Clients.ClusterClient) => {
        const { platform: its, options: asked } = madeOf(client)
        if (!dials.has(its.network.connect) || !canLogIn(asked)) return client
        user ||= nextUser()
        const secured = loggedIn(asked, user)
        own.push(new ClusterClient(its, secured))
        return own.at(-1)!
      }
      const { flow, source, target } = options
      super(platform, { ...options, source: restrict(source), target: restrict(target) })
      this.#own = own
      this.#grant = () => grantFlow(flow, { source: madeOf(source).options, target: madeOf(target).options }, user)
    }

    override async start(): Promise<void> {
      await this.#grant()
      await super.start()
    }

    override async stop(): Promise<void> {
      await super.stop()
      for (const client of this.#own) client.close()
    }
  }
  return { ...real, Mirror }
})

vi.mock('../../src/daemon.ts', async (importOriginal) => {
  const real = await importOriginal<typeof Daemons>()
  const { configFor, grantConfig, nextUser } = await import('./restricted-ground.ts')
  const startDaemon: typeof Daemons.startDaemon = async (platform, config, { load, ...options }) => {
    const user = nextUser()
    await grantConfig(config, user)
    const reload = async () => {
      const next = await load!()
      void grantConfig(next, user)
      return configFor(next, user)
    }
    return real.startDaemon(platform, configFor(config, user), { ...options, ...(load ? { load: reload } : {}) })
  }
  return { ...real, startDaemon }
})
