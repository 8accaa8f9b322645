import { dirname, resolve } from 'node:path'
import type { ClusterClient } from '../client/cluster-client.ts'
import type { Connection } from '../client/connection.ts'
import type { Config, MirrorJob } from '../config/config.ts'
import { redisLogin } from '../daemon-credentials.ts'
import { filterOf, policyOf } from '../daemon-job.ts'
import { ClusterAliases } from '../mirror/cluster-aliases.ts'
import { upstreamHops } from '../mirror/replication-policy.ts'
import { HeliostatError } from '../platform/errors.ts'
import { nodePlatform } from '../platform/node-platform.ts'
import { type Platform, sleep } from '../platform/platform.ts'
import { createTopics } from '../protocol/messages/create-topics.ts'
import { describeConfigs } from '../protocol/messages/describe-configs.ts'
import { fetch } from '../protocol/messages/fetch.ts'
import { findCoordinator } from '../protocol/messages/find-coordinator.ts'
import { incrementalAlterConfigs } from '../protocol/messages/incremental-alter-configs.ts'
import { initProducerId } from '../protocol/messages/init-producer-id.ts'
import { joinGroup } from '../protocol/messages/join-group.ts'
import { listGroups } from '../protocol/messages/list-groups.ts'
import { listOffsets } from '../protocol/messages/list-offsets.ts'
import { metadata } from '../protocol/messages/metadata.ts'
import { offsetCommit } from '../protocol/messages/offset-commit.ts'
import { offsetFetch } from '../protocol/messages/offset-fetch.ts'
import { produce } from '../protocol/messages/produce.ts'
import type { Api } from '../protocol/schema.ts'
import { exitCode } from './exit-code.ts'
import { clientOf, readConfig } from './flow-session.ts'
import { readConfigFile } from './lint.ts'
import { type Column, type Format, render } from './output.ts'

export interface CheckOptions {
  readonly output: Format
}

interface Finding {
  readonly cluster: string
  readonly check: 'reachable' | 'versions' | 'one name' | 'rights' | 'upstream'
  readonly ok: boolean
  readonly says: string
}

const columns: readonly Column<Finding>[] = [
  { title: 'CLUSTER', value: (finding) => finding.cluster },
  { title: 'CHECK', value: (finding) => finding.check },
  { title: '', value: (finding) => (finding.ok ? 'ok' : 'FAILED') },
  { title: 'SAYS', value: (finding) => finding.says },
]

const PATIENCE_MS = 5_000
const ASKED_OF_ALL: readonly Api[] = [
  metadata,
  listOffsets,
  describeConfigs,
  findCoordinator,
  listGroups,
  offsetFetch,
  fetch,
]
const ASKED_OF_TARGETS: readonly Api[] = [
  produce,
  initProducerId,
  createTopics,
  incrementalAlterConfigs,
  joinGroup,
  offsetCommit,
]
const OPERATIONS = { READ: 3, WRITE: 4, DESCRIBE_CONFIGS: 10 } as const
/** The broker was not asked, or does not tell. */
const UNTOLD = -2147483648
const NAMES_SHOWN = 3

/**
 * Dials every cluster of the file: whether it answers, speaks what is asked of it, goes by one name only, and gives the rights that can
 * be seen; and the Redis of the queue. That no ring of mirrors sends records round was proven when the file was read.
 */
export async function check(file: string, options: CheckOptions): Promise<number> {
  const config = readConfig(file)
  const platform = nodePlatform({ log: { level: 'error' } })
  const read = (path: string) => readConfigFile(resolve(dirname(file), path))
  const names = Object.keys(config.clusters).filter((name) =>
    config.mirrors.some(({ from, to }) => from === name || to === name),
  )
  const clients = new Map(names.map((name) => [name, clientOf(platform, name, 'check', config.clusters[name]!, read)]))
  const aliases = new ClusterAliases(names)
  try {
    const found = await Promise.all(names.map((name) => checkCluster(platform, config, clients.get(name)!)))
    for (const [name, client] of clients) aliases.learn(name, client.clusterId)
    const doubled = names.flatMap((name): Finding[] => {
      const says = aliases.problem(name)
      return says === undefined ? [] : [{ cluster: name, check: 'one name', ok: false, says }]
    })
    const findings = [...found.flat(), ...doubled, ...(await checkQueue(platform, config, read))]
    process.stdout.write(render(findings, columns, options.output))
    return codeOf(findings)
  } finally {
    for (const client of clients.values()) client.close()
  }
}

function codeOf(findings: readonly Finding[]): number {
  const failed = findings.filter(({ ok }) => !ok)
  if (failed.some((finding) => finding.check === 'reachable')) return exitCode.unreachable
  return failed.length > 0 ? exitCode.failed : exitCode.ok
}

async function checkCluster(platform: Platform, config: Config, client: ClusterClient): Promise<Finding[]> {
  const finding = (name: Finding['check'], ok: boolean, says: string): Finding => ({
    cluster: client.name,
    check: name,
    ok,
    says,
  })
  try {
    const connection = await patiently(
      platform,
      client.refresh().then(() => client.anyNode()),
    )
    const isTarget = config.mirrors.some(({ to }) => to === client.name)
    const lacking = [...ASKED_OF_ALL, ...(isTarget ? ASKED_OF_TARGETS : [])].flatMap((api) => lackOf(connection, api))
    const rights = await lackingRights(connection, client, config.mirrors)
    return [
      finding('reachable', true, `${client.nodes().size} brokers, cluster ${client.clusterId}`),
      finding('versions', lacking.length === 0, lacking.join('; ') || 'every request that is needed is understood'),
      finding('rights', rights.length === 0, rights.join('; ') || 'none is missing that can be seen'),
      ...upstreamOf(config, client).map((says) => finding('upstream', true, says)),
    ]
  } catch (error) {
    if (!(error instanceof HeliostatError)) throw error
    return [finding('reachable', false, error.message)]
  }
}

/** The Redis of the background jobs. Loaded only where there is one. */
async function checkQueue(platform: Platform, { queue }: Config, read: (path: string) => string): Promise<Finding[]> {
  if (!queue) return []
  const finding = (check: Finding['check'], ok: boolean, says: string): Finding => ({
    cluster: 'queue',
    check,
    ok,
    says,
  })
  const login = redisLogin(platform, queue, read)()
  const at = `${login.host}:${login.port}`
  const { redisVersion } = await import('../jobs/redis-login.ts')
  try {
    const version = await redisVersion(login, PATIENCE_MS)
    const [major = 0, minor = 0] = version.split('.').map(Number)
    const isOld = major < 6 || (major === 6 && minor < 2)
    return [
      finding('reachable', true, `Redis ${version} at ${at}`),
      finding('versions', !isOld, isOld ? 'Redis 6.2 or newer is needed' : 'as new as is needed'),
    ]
  } catch (error) {
    return [finding('reachable', false, `Redis at ${at}: ${(error as Error).message}`)]
  }
}

/** What heartbeats tell of where this cluster's copies come from. */
function upstreamOf({ mirrors }: Config, client: ClusterClient): string[] {
  const job = mirrors.find(({ to }) => to === client.name)
  const hops = job ? [...upstreamHops(policyOf(job), client.topics().keys())] : []
  if (hops.length === 0) return []
  const sorted = hops.sort(([a, near], [b, far]) => near - far || (a < b ? -1 : 1))
  return [sorted.map(([alias, count]) => `${alias}, ${count} ${count === 1 ? 'hop' : 'hops'} away`).join('; ')]
}

async function patiently<T>(platform: Platform, answer: Promise<T>): Promise<T> {
  const waiting = new AbortController()
  const tooLate = sleep(platform.clock, PATIENCE_MS, waiting.signal).then(() => {
    throw new HeliostatError('HEL_UNREACHABLE', `no answer within ${PATIENCE_MS / 1_000} s`)
  })
  try {
    return await Promise.race([answer, tooLate])
  } finally {
    tooLate.catch(() => {})
    waiting.abort()
  }
}

function lackOf(connection: Connection, api: Api): string[] {
  try {
    connection.versionOf(api)
    return []
  } catch (error) {
    return [(error as Error).message]
  }
}

/** Of topics that are there: what a broker says that we may do. What we may not even see it does not tell. */
async function lackingRights(
  connection: Connection,
  client: ClusterClient,
  jobs: readonly MirrorJob[],
): Promise<string[]> {
  const wanted = new Map<string, Set<keyof typeof OPERATIONS>>()
  const want = (topic: string, ...operations: (keyof typeof OPERATIONS)[]) => {
    for (const operation of operations) wanted.set(topic, (wanted.get(topic) ?? new Set()).add(operation))
  }
  for (const job of jobs) {
    const filter = filterOf(job)
    const policy = policyOf(job)
    for (const { name, internal } of client.topics().values()) {
      if (job.from === client.name && !internal && filter.matches(name))
        want(name, 'READ', ...(job.sync.topicConfigs === false ? [] : (['DESCRIBE_CONFIGS'] as const)))
      if (job.to === client.name && name === policy.progressTopic) want(name, 'READ', 'WRITE')
    }
  }
  const answer = await connection.send(metadata, {
    topics: [...wanted.keys()].map((name) => ({ name })),
    allowAutoTopicCreation: false,
    includeTopicAuthorizedOperations: true,
  })
  const lacking = new Map<string, string[]>()
  for (const { name, topicAuthorizedOperations: bits } of answer.topics) {
    if (name === null || bits === UNTOLD) continue
    for (const operation of wanted.get(name) ?? [])
      if ((bits & (1 << OPERATIONS[operation])) === 0) lacking.set(operation, [...(lacking.get(operation) ?? []), name])
  }
  return [...lacking].map(([operation, topics]) => `no right to ${operation} ${listed(topics)}`)
}

function listed(topics: readonly string[]): string {
  const more = topics.length - NAMES_SHOWN
  return `${topics.slice(0, NAMES_SHOWN).join(', ')}${more > 0 ? ` and ${more} more` : ''}`
}
