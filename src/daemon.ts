// What a configuration asks for, running: clusters, mirrors, background jobs and the HTTP server, and the order in which they
// start and stop.
import { resolve } from 'node:path'
import { type Config, revealSecret } from './config/config.ts'
import { DaemonFlow } from './daemon-flow.ts'
import { ClusterAliases } from './mirror/cluster-aliases.ts'
import type { MirrorHooks } from './mirror/mirror.ts'
import { RemoteNames } from './mirror/remote-names.ts'
import { HeliostatError } from './platform/errors.ts'
import type { Platform, Timer } from './platform/platform.ts'
import { adminApp } from './server/admin-api.ts'
import type { FlowView } from './server/flow-view.ts'
import { listen } from './server/listen.ts'
import { metricsOf } from './server/metrics.ts'
import { QuietMoment } from './server/quiet-moment.ts'
import { Rates } from './server/rates.ts'
import { ByteLimit } from './source/byte-limit.ts'

export interface DaemonOptions {
  readonly version: string
  /** Where relative paths of the configuration's `file:` values begin. */
  readonly directory: string
  /** Moments at which a test may step in. */
  readonly hooks?: MirrorHooks
  /** Called when nothing was mirrored for a while, once after each time of work: for what would disturb it while it works. */
  readonly onQuiet?: () => void
}

export interface Daemon {
  /** Of the page, the API and the metrics. */
  readonly url: string
  readonly flows: ReadonlyMap<string, FlowView>
  /** Takes nothing new, waits for what is in flight, writes the progress; resolves when all of that is done. */
  stop(): Promise<void>
}

const SAMPLE_EVERY_MS = 1_000
const QUIET_AFTER_MS = 10_000

export async function startDaemon(platform: Platform, config: Config, options: DaemonOptions): Promise<Daemon> {
  const read = (path: string) => readSecretFile(platform, resolve(options.directory, path))
  const flows = new Map<string, DaemonFlow>()
  const clusterLimits = byteLimits(config)
  const sharedQueue = await sharedQueues(platform, config, read)
  const aliases = new ClusterAliases(Object.keys(config.clusters))
  const names = new Map(Object.keys(config.clusters).map((alias) => [alias, new RemoteNames()]))
  for (const job of config.mirrors) {
    const remoteNames = names.get(job.to)!
    const shared = { read, hooks: options.hooks, clusterLimits, sharedQueue, aliases, remoteNames }
    flows.set(job.name, new DaemonFlow(platform, config, job, shared))
  }
  const rates = new Rates(platform.clock)
  const app = adminApp({
    flows,
    rates,
    metrics: metricsOf({ flows, version: options.version, now: () => platform.clock.now() }),
    notReady: () => [...flows.values()].flatMap((flow) => flow.notReady()),
    tokens: config.server.tokens.map((token) => revealSecret(token, read)),
  })
  const server = await listen(app.fetch, config.server.listen)
  await Promise.all([...flows.values()].map((flow) => flow.start()))
  const quiet = new QuietMoment(QUIET_AFTER_MS)
  const sampling = sampleEvery(platform, () => {
    rates.sample(flows.values())
    if (quiet.reached(rates.records, platform.clock.monotonic())) options.onQuiet?.()
  })
  return {
    url: `http://${config.server.listen.host}:${server.port}`,
    flows,
    stop: async () => {
      sampling.cancel()
      await Promise.all([...flows.values()].map((flow) => flow.stop()))
      await server.close()
    },
  }
}

function byteLimits({ clusters }: Config): ReadonlyMap<string, ByteLimit> {
  const limited = Object.entries(clusters).flatMap(([name, { limits }]) => (limits ? [[name, limits] as const] : []))
  return new Map(limited.map(([name, { bytesPerSecond }]) => [name, new ByteLimit(bytesPerSecond)]))
}

/** BullMQ is loaded here, and only where it is asked for: it costs a tenth of a second and tens of megabytes. */
async function sharedQueues(platform: Platform, { queue }: Config, read: (path: string) => string) {
  if (!queue) return undefined
  const { BullmqQueue } = await import('./jobs/bullmq-queue.ts')
  const url = revealSecret(queue.redis, read)
  return (name: string) => new BullmqQueue(platform, { url, prefix: queue.prefix, name })
}

function readSecretFile({ disk }: Platform, path: string): string {
  try {
    return disk.read(path).toString('utf8')
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code ?? (error as Error).message
    throw new HeliostatError('HEL_CONFIG', `${path} cannot be read (${code})`, { cause: error, where: { path } })
  }
}

/** Calls now and then, until cancelled. */
function sampleEvery({ clock }: Platform, sample: () => void): Timer {
  let timer: Timer
  const again = () => {
    sample()
    timer = clock.setTimer(SAMPLE_EVERY_MS, again)
  }
  again()
  return { cancel: () => timer.cancel() }
}
