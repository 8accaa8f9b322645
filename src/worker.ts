// The program of a worker thread: carries planes of the flows that the daemon on the main thread tells it, each with clients of its own.
import { resolve } from 'node:path'
import type { Config } from './config/config.ts'
import { clusterClient } from './daemon-client.ts'
import { type Credentials, credentialsOf, readSecretFile } from './daemon-credentials.ts'
import { flowOf, policyOf } from './daemon-job.ts'
import { DataPlane } from './mirror/data-plane.ts'
import { GapLedger } from './mirror/gap-ledger.ts'
import type { MainCalls } from './mirror/plane-calls.ts'
import { planeHost } from './mirror/plane-host.ts'
import { nodePlatform } from './platform/node-platform.ts'
import { startedThread } from './platform/node-threads.ts'
import type { Platform } from './platform/platform.ts'
import { PostedLog } from './platform/posted-log.ts'
import { ThreadCalls } from './platform/thread-calls.ts'
import { ByteLimit } from './source/byte-limit.ts'

/** What the daemon says of a flow. */
export interface PlanePlan {
  readonly config: Config
  readonly flow: string
  /** Where relative paths of the configuration begin. */
  readonly directory: string
  /** Among how many threads the flow's buffer is divided. */
  readonly planes: number
}

const thread = startedThread((message) => main.received(message))
const log = new PostedLog((level, event, message, fields) => main.tell('log', level, event, message, fields))
const platform = nodePlatform({ log })
/** Flows of this thread share the limits of a cluster, and what it is logged in with. */
const clusterCredentials = new Map<string, Credentials>()
const clusterLimits = new Map<string, ByteLimit>()
const main: ThreadCalls<MainCalls> = new ThreadCalls<MainCalls>(
  planeHost(
    platform.clock,
    () => main,
    (plan, listener) => {
      const { config, flow: name, directory, planes } = plan as PlanePlan
      const job = config.mirrors.find((mirror) => mirror.name === name)!
      const of: Platform = { ...platform, log: log.child({ flow: name }) }
      const client = (alias: string) =>
        clusterClient(of, alias, name, config.clusters[alias]!, credentials(config, alias, directory))
      const [source, target] = [client(job.from), client(job.to)]
      const policy = policyOf(job)
      const gapLedger = new GapLedger(of, target, policy.gapsTopic, (gap) => listener.gapWritten(gap))
      const limits = [
        job.limits && new ByteLimit(job.limits.bytesPerSecond),
        clusterLimit(config, job.from),
        clusterLimit(config, job.to),
      ]
      const plane = new DataPlane(
        of,
        {
          flow: flowOf(job),
          policy,
          source,
          target,
          gapLedger,
          limits: { bufferBytes: Math.ceil(job.buffer / planes) },
          byteLimits: limits.filter((limit) => limit !== undefined),
        },
        listener,
      )
      return { plane, source, target, gapLedger }
    },
  ),
  (message) => thread.post(message),
)

/** Its connections of this thread share a token. */
function credentials({ clusters }: Config, alias: string, directory: string): Credentials {
  const { tls, sasl } = clusters[alias]!
  const key = JSON.stringify([alias, tls, sasl])
  const read = (path: string) => readSecretFile(platform, resolve(directory, path))
  const known = clusterCredentials.get(key) ?? credentialsOf(platform, alias, { tls, sasl }, read)
  clusterCredentials.set(key, known)
  return known
}

function clusterLimit({ clusters }: Config, alias: string): ByteLimit | undefined {
  const bytesPerSecond = clusters[alias]?.limits?.bytesPerSecond
  if (bytesPerSecond === undefined) return undefined
  const key = `${alias} ${bytesPerSecond}`
  const limit = clusterLimits.get(key) ?? new ByteLimit(bytesPerSecond)
  clusterLimits.set(key, limit)
  return limit
}
