// What a configuration asks for, running: clusters, mirrors, background jobs and the HTTP server, and the order in which they
// start and stop.
import { createHmac } from 'node:crypto'
import { resolve } from 'node:path'
import { type Config, isLoopback, type MirrorJob } from './config/config.ts'
import type { Secret } from './config/fields.ts'
import {
  type Credentials,
  credentialsOf,
  readSecretFile,
  redisLogin,
  secretText,
  serverTls,
} from './daemon-credentials.ts'
import { DaemonFlow, type DaemonFlowOptions } from './daemon-flow.ts'
import { flowSettings, isNews, type ReloadReport, reloadReport } from './daemon-reload.ts'
import { ClusterAliases } from './mirror/cluster-aliases.ts'
import type { MirrorHooks } from './mirror/mirror.ts'
import { RemoteNames } from './mirror/remote-names.ts'
import { settingDifferences } from './mirror/setting-differences.ts'
import { WorkerPool } from './mirror/worker-pool.ts'
import { HeliostatError } from './platform/errors.ts'
import type { Platform, Timer } from './platform/platform.ts'
import { adminApp } from './server/admin-api.ts'
import type { FlowView } from './server/flow-view.ts'
import { listen } from './server/listen.ts'
import { metricsOf } from './server/metrics.ts'
import { QuietMoment } from './server/quiet-moment.ts'
import { Rates } from './server/rates.ts'
import { ByteLimit } from './source/byte-limit.ts'
import type { PlanePlan } from './worker.ts'

export interface DaemonOptions {
  readonly version: string
  /** Where relative paths of the configuration's `file:` values begin. */
  readonly directory: string
  /** Moments at which a test may step in. */
  readonly hooks?: MirrorHooks
  /** Reads the configuration again, or rejects when it cannot be run. Absent: it cannot be reloaded. */
  readonly load?: () => Config | Promise<Config>
  /** Called when nothing was mirrored for a while, once after each time of work: for what would disturb it while it works. */
  readonly onQuiet?: () => void
}

export interface Daemon {
  /** Of the page, the API and the metrics. */
  readonly url: string
  readonly flows: ReadonlyMap<string, FlowView>
  /**
   * Reads the configuration anew. Rejects, with everything as it was, when there is something wrong with it; flows that it does not
   * change never pause.
   */
  reload(): Promise<ReloadReport>
  /** Takes nothing new, waits for what is in flight, writes the progress; resolves when all of that is done. */
  stop(): Promise<void>
}

const SAMPLE_EVERY_MS = 1_000
const QUIET_AFTER_MS = 10_000
/** More of them than a cluster's brokers would be busy with. */
const AUTO_WORKERS_MAX = 4

export async function startDaemon(platform: Platform, config: Config, options: DaemonOptions): Promise<Daemon> {
  const flows = new RunningFlows(platform, options)
  const { tls } = config.server
  const secured = tls && serverTls(platform, tls, (path) => readSecretFile(platform, resolve(options.directory, path)))
  await flows.prepare(config).catch(async (error: Error) => {
    await flows.stop()
    throw error
  })
  const rates = new Rates(platform.clock)
  const reload = (dryRun: boolean) => flows.reload(dryRun)
  const app = adminApp({
    flows: flows.byName,
    rates,
    metrics: metricsOf({
      flows: flows.byName,
      version: options.version,
      now: () => platform.clock.now(),
      mm2: () => flows.hasMm2Metrics,
    }),
    notReady: () => [...flows.byName.values()].flatMap((flow) => flow.notReady()),
    tokens: () => flows.tokens,
    isExposed: !isLoopback(config.server.listen.host),
    reload,
  })
  const server = await listen(app.fetch, config.server.listen, { tls: secured }).catch(async (error: Error) => {
    await flows.stop()
    throw error
  })
  await flows.start()
  const quiet = new QuietMoment(QUIET_AFTER_MS)
  const sampling = sampleEvery(platform, () => {
    rates.sample(flows.byName.values())
    if (quiet.reached(rates.records, platform.clock.monotonic())) options.onQuiet?.()
  })
  return {
    url: `${tls ? 'https' : 'http'}://${config.server.listen.host}:${server.port}`,
    flows: flows.byName,
    reload: () => reload(false),
    stop: async () => {
      sampling.cancel()
      await flows.stop()
      await server.close()
    },
  }
}

/**
 * The flows of the configuration that runs, and the way to the next one.
 *
 * 1. A reload is checked to the end before anything is touched; then every step of it succeeds, or is tried again by the flow itself.
 * 2. Reloads follow one another.
 */
class RunningFlows {
  readonly byName = new Map<string, DaemonFlow>()
  hasMm2Metrics = false
  readonly #platform: Platform
  readonly #options: DaemonOptions
  readonly #limits = new Map<string, { readonly text: string; readonly limit: ByteLimit }>()
  readonly #remoteNames = new Map<string, RemoteNames>()
  readonly #aliases = new ClusterAliases([])
  #config: Config | undefined
  #settings: ReadonlyMap<string, object> = new Map()
  #tokens: readonly (() => string)[] = []
  #last: Promise<unknown> = Promise.resolve()
  readonly #salt: Buffer
  #isStopped = false
  #workers: WorkerPool | undefined

  constructor(platform: Platform, options: DaemonOptions) {
    this.#platform = platform
    this.#options = options
    this.#salt = platform.random.bytes(16)
  }

  /** Those of the configuration, from their files as these are now. */
  get tokens(): readonly string[] {
    return this.#tokens.map((token) => token())
  }

  /** Makes the flows of the first configuration. */
  async prepare(config: Config): Promise<void> {
    const secrets = this.#secretsOf(config)
    this.#settings = this.#settingsOf(config)
    const queues = await this.#sharedQueues(config)
    await this.#haveWorkers(config)
    this.#become(config, config.mirrors, secrets, queues)
  }

  async start(): Promise<void> {
    await Promise.all([...this.byName.values()].map((flow) => flow.start()))
  }

  async stop(): Promise<void> {
    this.#isStopped = true
    await this.#last
    await Promise.all([...this.byName.values()].map((flow) => flow.stop()))
    await this.#workers?.stop()
  }

  /** Reads the configuration anew and makes it so, or throws and changes nothing; with `dryRun` only says what it would do. */
  reload(dryRun: boolean): Promise<ReloadReport> {
    const { log } = this.#platform
    const reloading = this.#last.then(() => this.#reload(dryRun))
    this.#last = reloading.then(
      ({ applied, ...report }) => {
        if (applied) log.info('daemon.reloaded', 'the configuration was reloaded', report)
        else if (!dryRun) log.info('daemon.reloaded', 'the configuration is what runs already')
      },
      (error: Error) => {
        if (!dryRun) log.error('daemon.reload-refused', `nothing was changed: ${error.message}`)
      },
    )
    return reloading
  }

  async #reload(dryRun: boolean): Promise<ReloadReport> {
    const { load } = this.#options
    if (!load) throw new HeliostatError('HEL_RELOAD', 'this daemon was not started from a file')
    const config = await load()
    if (this.#isStopped) throw new HeliostatError('HEL_RELOAD', 'this daemon is stopping')
    const secrets = this.#secretsOf(config)
    const settings = this.#settingsOf(config)
    const server = settingDifferences(this.#serverOf(this.#config!), this.#serverOf(config))
    const fixed = server.find(({ setting }) => /^(listen|tls)\b/.test(setting))
    if (fixed)
      throw new HeliostatError('HEL_RELOAD', `server.${fixed.setting} cannot change while it runs: restart the daemon`)
    const report = reloadReport(this.#running(), settings, server)
    if (dryRun || !isNews(report)) return report
    const leaving = new Set([...report.removed, ...report.restarted.map(({ flow }) => flow)])
    const queues = await this.#sharedQueues(config)
    await Promise.all([...this.byName].filter(([name]) => leaving.has(name)).map(([, flow]) => flow.stop()))
    await this.#haveWorkers(config)
    const coming = config.mirrors.filter(({ name }) => leaving.has(name) || report.added.includes(name))
    this.#become(config, coming, secrets, queues)
    this.#settings = settings
    await Promise.all(coming.map(({ name }) => this.byName.get(name)!.start()))
    return { ...report, applied: true }
  }

  /** A flow that could not run is tried again whatever else changed. */
  #running(): ReadonlyMap<string, object> {
    const reasonOf = (flow: string) => this.byName.get(flow)?.status().reason
    return new Map(
      [...this.#settings].map(([flow, settings]) => [
        flow,
        { ...settings, ...(reasonOf(flow) ? { refused: reasonOf(flow) } : {}) },
      ]),
    )
  }

  /** They are read here, so that what cannot be had, or is not fit for use, is found before anything is touched. */
  #secretsOf({ clusters, mirrors, server }: Config): Secrets {
    const read = (path: string) => this.#read(path)
    const credentials = (alias: string) => credentialsOf(this.#platform, alias, clusters[alias]!, read)
    return {
      credentials: new Map(mirrors.flatMap(({ from, to }) => [from, to]).map((alias) => [alias, credentials(alias)])),
      tokens: server.tokens.map((token, index) => secretText(this.#platform, `server.tokens[${index}]`, token, read)),
    }
  }

  #settingsOf(config: Config): ReadonlyMap<string, object> {
    return new Map(config.mirrors.map((job) => [job.name, flowSettings(config, job, (secret) => this.#digest(secret))]))
  }

  #serverOf(config: Config): object {
    // Those in files are read anew all the time.
    const secret = (value: Secret) => (typeof value === 'string' ? this.#digest(value) : value)
    const { tokens, tls, ...others } = config.server
    return {
      ...others,
      tokens: tokens.map(secret),
      tls: tls && { cert: secret(tls.cert), key: secret(tls.key) },
      mm2Metrics: config.compat.mm2Metrics,
    }
  }

  /** Tells whether a secret changed, and says nothing of it to those who do not know the salt. */
  #digest(text: string): string {
    return createHmac('sha256', this.#salt).update(text).digest('hex').slice(0, 8)
  }

  #read(path: string): string {
    return readSecretFile(this.#platform, resolve(this.#options.directory, path))
  }

  #sharedQueues(config: Config): Promise<SharedQueue | undefined> {
    return sharedQueues(this.#platform, config, (path) => this.#read(path))
  }

  /** Makes these flows of the configuration anew, keeps the others, in the order of the file. */
  #become(
    config: Config,
    anew: readonly MirrorJob[],
    { credentials, tokens }: Secrets,
    sharedQueue: SharedQueue | undefined,
  ): void {
    this.#config = config
    this.#tokens = tokens
    this.hasMm2Metrics = config.compat.mm2Metrics
    this.#aliases.name(
      Object.keys(config.clusters),
      anew.flatMap(({ from, to }) => [from, to]),
    )
    const kept = new Map(this.byName)
    this.byName.clear()
    for (const job of config.mirrors) {
      const shared = {
        credentials,
        hooks: this.#options.hooks,
        clusterLimits: this.#clusterLimits(config),
        sharedQueue,
        aliases: this.#aliases,
        remoteNames: this.#remoteNamesOf(job.to),
        planes: this.#planes(config),
      }
      const before = kept.get(job.name)
      const flow = anew.includes(job) ? new DaemonFlow(this.#platform, config, job, shared) : before!
      if (before && before !== flow) flow.pauseLike(before)
      flow.adjust(job)
      this.byName.set(job.name, flow)
    }
  }

  /** Flows that stay share a limit with those that come, as long as it is the same. */
  #clusterLimits({ clusters }: Config): ReadonlyMap<string, ByteLimit> {
    for (const [name, { limits }] of Object.entries(clusters)) {
      const text = JSON.stringify(limits)
      if (!limits) this.#limits.delete(name)
      else if (this.#limits.get(name)?.text !== text)
        this.#limits.set(name, { text, limit: new ByteLimit(limits.bytesPerSecond) })
    }
    return new Map([...this.#limits].map(([name, { limit }]) => [name, limit]))
  }

  /** As many as the configuration says; of one thread, this is it. When that changes, no flow runs. */
  async #haveWorkers({ workers }: Config): Promise<void> {
    const { threads } = this.#platform
    const count = workers === 'auto' ? Math.min(AUTO_WORKERS_MAX, (threads?.cores ?? 1) - 1) : workers
    if (count === this.#workers?.size) return
    await this.#workers?.stop()
    this.#workers =
      count > 1 ? new WorkerPool(this.#platform, new URL('./worker.ts', import.meta.url), count) : undefined
  }

  #planes(config: Config): DaemonFlowOptions['planes'] {
    const workers = this.#workers
    const { directory } = this.#options
    return (
      workers &&
      ((flow, listener) => {
        const plan: PlanePlan = { config, flow, directory, planes: workers.size }
        return workers.planes(flow, plan, listener)
      })
    )
  }

  #remoteNamesOf(cluster: string): RemoteNames {
    const names = this.#remoteNames.get(cluster) ?? new RemoteNames()
    this.#remoteNames.set(cluster, names)
    return names
  }
}

interface Secrets {
  readonly credentials: ReadonlyMap<string, Credentials>
  readonly tokens: readonly (() => string)[]
}

type SharedQueue = NonNullable<DaemonFlowOptions['sharedQueue']>

/** BullMQ is loaded here, and only where it is asked for: it costs a tenth of a second and tens of megabytes. */
async function sharedQueues(platform: Platform, { queue }: Config, read: (path: string) => string) {
  if (!queue) return undefined
  const login = redisLogin(platform, queue, read)
  const { BullmqQueue } = await import('./jobs/bullmq-queue.ts')
  return (name: string) => new BullmqQueue(platform, { login, prefix: queue.prefix, name })
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
