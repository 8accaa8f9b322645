// What a new configuration changes in a running daemon, flow by flow. Pure; of secrets it sees digests alone.
import type { ClusterConfig, Config, MirrorJob } from './config/config.ts'
import { type SettingDifference, settingDifferences } from './mirror/setting-differences.ts'

export interface ReloadReport {
  /** False: the configuration is what runs already, or nothing was to be done but to say what would be. */
  readonly applied: boolean
  readonly added: readonly string[]
  readonly removed: readonly string[]
  /** Flows that go on at the same record under their new settings, after a moment's pause. */
  readonly restarted: readonly FlowChange[]
  /** Flows whose objectives alone changed: these never pause. */
  readonly adjusted: readonly FlowChange[]
  readonly untouched: readonly string[]
  /** Of the server. */
  readonly server: readonly SettingDifference[]
}

interface FlowChange {
  readonly flow: string
  readonly changes: readonly SettingDifference[]
}

/** Tells one secret from another without telling it. */
export type Digest = (secret: string) => string

/**
 * Everything that a flow is made of; secrets as their digests. What a cluster is logged in with is read from its files anew all the time, so there
 * only the names of the files count.
 */
export function flowSettings({ clusters, compat, queue, workers }: Config, job: MirrorJob, digest: Digest): object {
  const cluster = (name: string) => ({ [name]: clusterSettings(clusters[name]!, digest) })
  return {
    ...job,
    clusters: { ...cluster(job.from), ...cluster(job.to) },
    compat: { mm2Topics: compat.mm2Topics },
    workers,
    queue: queue && queueSettings(queue, digest),
  }
}

function queueSettings({ redis, tls, ...others }: NonNullable<Config['queue']>, digest: Digest): object {
  const secret = secretOf(digest)
  return { ...others, redis: secret(redis), tls: tls && tlsSettings(tls, secret) }
}

function clusterSettings({ tls, sasl, ...others }: ClusterConfig, digest: Digest): object {
  const secret = secretOf(digest)
  return {
    ...others,
    tls: typeof tls === 'object' ? tlsSettings(tls, secret) : tls,
    sasl: sasl && saslSettings(sasl, secret),
  }
}

type SecretSetting = string | { readonly file: string } | undefined

const secretOf = (digest: Digest) => (value: SecretSetting) => (typeof value === 'string' ? digest(value) : value)

function tlsSettings(
  tls: Exclude<ClusterConfig['tls'], boolean | undefined>,
  secret: (value: SecretSetting) => SecretSetting,
): object {
  return { ...tls, ca: secret(tls.ca), cert: secret(tls.cert), key: secret(tls.key) }
}

type Sasl = NonNullable<ClusterConfig['sasl']>

function saslSettings(sasl: Sasl, secret: (value: SecretSetting) => SecretSetting): object {
  if (sasl.mechanism !== 'oauthbearer') return { ...sasl, password: secret(sasl.password) }
  const { token, tokenEndpoint: endpoint } = sasl
  return {
    ...sasl,
    token: secret(token),
    tokenEndpoint: endpoint && { ...endpoint, clientSecret: secret(endpoint.clientSecret), ca: secret(endpoint.ca) },
  }
}

/** Compares flow by flow, by their names. */
export function reloadReport(
  before: ReadonlyMap<string, object>,
  after: ReadonlyMap<string, object>,
  server: readonly SettingDifference[],
): ReloadReport {
  const kept = [...after].filter(([flow]) => before.has(flow))
  const changed = kept.map(([flow, settings]) => ({ flow, changes: settingDifferences(before.get(flow), settings) }))
  const isObjective = ({ setting }: SettingDifference) => setting.startsWith('rpo.')
  const news = changed.filter(({ changes }) => changes.length > 0)
  return {
    applied: false,
    added: [...after.keys()].filter((flow) => !before.has(flow)),
    removed: [...before.keys()].filter((flow) => !after.has(flow)),
    restarted: news.filter(({ changes }) => !changes.every(isObjective)),
    adjusted: news.filter(({ changes }) => changes.every(isObjective)),
    untouched: changed.filter(({ changes }) => changes.length === 0).map(({ flow }) => flow),
    server,
  }
}

/** Whether there is anything to do. */
export function isNews({ added, removed, restarted, adjusted, server }: ReloadReport): boolean {
  return [added, removed, restarted, adjusted, server].some((list) => list.length > 0)
}
