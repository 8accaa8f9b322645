// loadConfig and loadTopology: the two files that people write.
import { findOverlaps, findRing } from '../mirror/naming/loops.ts'
import { replicationPolicy } from '../mirror/replication-policy.ts'
import type { Address } from '../platform/platform.ts'
import { type Environment, type Finding, type Loaded, load } from './load.ts'
import { type MirrorConfigFile, mirrorConfigSchema } from './mirror-config.ts'
import { nearName } from './near-name.ts'
import { ConfigError } from './problem.ts'
import { parseRedisUrl } from './redis-url.ts'
import { type TopologyConfig, topologyConfigSchema } from './topology-config.ts'
import { topologyRules } from './topology-rules.ts'

type MirrorEntry = MirrorConfigFile['mirrors'][number]

/** A mirroring job with its name settled. */
export type MirrorJob = MirrorEntry & { readonly name: string }
export type Config = Omit<MirrorConfigFile, 'mirrors'> & { readonly mirrors: readonly MirrorJob[] }
export type ClusterConfig = Config['clusters'][string]

/** Reads the file of `heliostat run`. Throws ConfigError with every problem of the file. */
export function loadConfig(text: string, file: string, env: Environment): Loaded<Config> {
  if (looksLikeMirrorMaker(text)) {
    const message =
      'this looks like a properties file of MirrorMaker 2; heliostat reads YAML: `heliostat import FILE` turns it into one'
    throw new ConfigError(file, [{ severity: 'error', rule: 'mirrormaker', message, line: 1, column: 1 }])
  }
  const { config, warnings } = load(mirrorConfigSchema, rules, text, file, env)
  const mirrors = config.mirrors.map((mirror) => ({ ...mirror, name: nameOf(mirror) }))
  return { config: { ...config, mirrors }, warnings }
}

export function loadTopology(text: string, file: string, env: Environment): Loaded<TopologyConfig> {
  return load(topologyConfigSchema, topologyRules, text, file, env)
}

const nameOf = (mirror: MirrorEntry) => mirror.name ?? `${mirror.from}->${mirror.to}`

const looksLikeMirrorMaker = (text: string) => /^\s*clusters\s*[=:]\s*[\w-]+\s*,/m.test(text) && /->/.test(text)

/** Whether only this machine reaches it. */
export const isLoopback = (host: string) => host === 'localhost' || host === '::1' || /^127\.\d+\.\d+\.\d+$/.test(host)

const addressText = ({ host, port }: Address) => `${host}:${port}`

function* rules(config: MirrorConfigFile): Iterable<Finding> {
  const names = Object.keys(config.clusters)
  const seen = new Map<string, number>()
  const pairs = new Map<string, number>()
  for (const [index, mirror] of config.mirrors.entries()) {
    for (const side of ['from', 'to'] as const) {
      if (Object.hasOwn(config.clusters, mirror[side])) continue
      const near = nearName(mirror[side], names)
      const message = `there is no cluster ${mirror[side]}; ${near ? `did you mean ${near}?` : `defined: ${names.join(', ')}`}`
      yield {
        rule: 'undefined-cluster',
        path: ['mirrors', index, side],
        message: `mirrors[${index}].${side}: ${message}`,
      }
    }
    if (mirror.from === mirror.to) {
      yield {
        rule: 'same-cluster',
        path: ['mirrors', index, 'to'],
        message: `mirrors[${index}]: from and to are both ${mirror.to}`,
      }
    }
    const other = seen.get(nameOf(mirror))
    if (other !== undefined) {
      const message = `mirrors[${index}] and mirrors[${other}] are both named ${nameOf(mirror)}; give one a name of its own`
      yield { rule: 'duplicate-name', path: ['mirrors', index], message }
    }
    seen.set(nameOf(mirror), index)
    const pair = [mirror.from, mirror.to, mirror.progress].join(' ')
    const same = pairs.get(pair)
    if (same !== undefined && mirror.from !== mirror.to) {
      const topic = replicationPolicy({ ...mirror, source: mirror.from }).progressTopic
      const message = `mirrors[${index}] and mirrors[${same}] would both keep their progress in ${topic}; give this one a word of its own: progress: ${nearWord(mirror)}`
      yield { rule: 'duplicate-pair', path: ['mirrors', index], message }
    }
    pairs.set(pair, index)
  }
  yield* sameBootstrap(config)
  yield* crossings(config)
  yield* clearLogins(config)
  yield* plainQueue(config)
  const { listen, tls, tokens } = config.server
  if (!isLoopback(listen.host) && !(tls && tokens.length > 0)) {
    const message = `server.listen: ${addressText(listen)} can be reached from other machines; give server.tls and server.tokens, or listen on 127.0.0.1`
    yield { rule: 'not-loopback', path: ['server', 'listen'], message }
  }
}

function* sameBootstrap(config: MirrorConfigFile): Iterable<Finding> {
  const owners = new Map<string, string>()
  for (const [name, cluster] of Object.entries(config.clusters)) {
    for (const [index, address] of cluster.bootstrap.entries()) {
      const owner = owners.get(addressText(address))
      if (owner !== undefined && owner !== name) {
        const message = `clusters.${name} and clusters.${owner} are the same cluster: both name ${addressText(address)}`
        yield { rule: 'same-cluster', path: ['clusters', name, 'bootstrap', index], message }
      }
      owners.set(addressText(address), name)
    }
  }
}

/** A record must not go round for ever, nor two mirrors write one topic. */
function* crossings(config: MirrorConfigFile): Iterable<Finding> {
  const ring = findRing(config.mirrors)
  if (ring) {
    const { index, clusters, example } = ring
    const proof = example === undefined ? 'nothing shows that this ring ends' : `as for a topic "${example}"`
    const message = `mirrors[${index}]: records would go round for ever: ${clusters.join(' -> ')}, ${proof}; prefix all names of the ring, with one separator, or leave out what comes back`
    yield { rule: 'ring', path: ['mirrors', index, 'naming'], message }
  }
  for (const { indexes, example, isCertain } of findOverlaps(config.mirrors)) {
    const [before, index] = indexes
    // Transactions stand other writers: sources may be merged by who says so.
    const isMerge = indexes.every((at) => config.mirrors[at]!.delivery !== 'exactly-once')
    const isOneSource = config.mirrors[before]!.from === config.mirrors[index]!.from
    const message = isOneSource
      ? `mirrors[${before}] takes topics of mirrors[${index}] too, as for one called "${example}" on ${config.mirrors[index]!.to}; a topic has one mirror`
      : `mirrors[${before}] and mirrors[${index}] may both write one topic of ${config.mirrors[index]!.to}, such as "${example}"; of two sources the second is refused, unless both say delivery: transactional`
    if (isMerge && !isOneSource) {
      const first = indexes.map((at) => nameOf(config.mirrors[at]!)).sort()[0]
      const merge = `mirrors[${before}] and mirrors[${index}] merge topics of ${config.mirrors[index]!.to}, such as "${example}": these have the configs that ${first} brings, are never deleted, and no offsets of groups are brought over for them, since a place in one source is none in both`
      yield { severity: 'warning', rule: 'merged-topic', path: ['mirrors', index, 'topics'], message: merge }
      continue
    }
    const severity = isOneSource && isCertain ? 'error' : 'warning'
    yield { severity, rule: 'one-target-topic', path: ['mirrors', index, 'topics'], message }
  }
}

const nearWord = ({ name, naming }: MirrorEntry) =>
  (name ?? (typeof naming === 'string' ? naming : 'second')).replace(/[^A-Za-z0-9_-]+/g, '-')

/** A login over a plain connection can be read on the way. */
function* clearLogins(config: MirrorConfigFile): Iterable<Finding> {
  for (const [name, cluster] of Object.entries(config.clusters)) {
    if (cluster.sasl && !cluster.tls) {
      const message = `clusters.${name}: sasl without tls sends the login in the clear`
      yield { severity: 'warning', rule: 'no-tls', path: ['clusters', name, 'sasl'], message }
    }
  }
}

/** Certificates for a connection that is not encrypted would be asked of nobody. */
function* plainQueue({ queue }: MirrorConfigFile): Iterable<Finding> {
  if (!queue?.tls || typeof queue.redis !== 'string' || parseRedisUrl(queue.redis)?.isEncrypted !== false) return
  const message = 'queue.tls: queue.redis says redis:, which is not encrypted; write rediss:'
  yield { rule: 'no-tls', path: ['queue', 'tls'], message }
}
