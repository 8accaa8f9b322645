// One flow as an entry of `mirrors`.
import { internalTopics } from '../../mirror/naming/internal-topics.ts'
import { type JavaPattern, javaPattern, quotePattern } from '../../mirror/naming/java-pattern.ts'
import { PatternError } from '../../mirror/naming/pattern-parser.ts'
import type { Note } from './cluster.ts'
import { isFromEnvironment, yamlText } from './providers.ts'
import { ConnectorReader, wholeOf } from './reader.ts'
import { flagOf, listOf, type Mm2Flow, type Setting, type Settings } from './setup.ts'

type Entry = Record<string, unknown>

const DEFAULT_CLASSES: Readonly<Record<string, string>> = {
  'topic.filter.class': 'org.apache.kafka.connect.mirror.DefaultTopicFilter',
  'group.filter.class': 'org.apache.kafka.connect.mirror.DefaultGroupFilter',
  'config.property.filter.class': 'org.apache.kafka.connect.mirror.DefaultConfigPropertyFilter',
  'forwarding.admin.class': 'org.apache.kafka.clients.admin.ForwardingAdmin',
}
/** MirrorMaker's default: what heliostat's rules for internal topics do not say already, and all of it. */
const TOPICS_EXCLUDED = ['.*\\.replica']
const TOPICS_EXCLUDED_BY_MIRRORMAKER = ['mm2.*\\.internal', '.*\\.replica', '__.*']
const GROUPS_EXCLUDED = ['console-consumer-.*', 'connect-.*', '__.*']
const LOGIN =
  /^(?:(source|target)\.)?(?:consumer|producer|admin)\.(override\.)?(bootstrap\.servers|security\.protocol|(?:ssl|sasl)\..+)$/
const OF_A_CLUSTER = /^(source|target)\.cluster\.(.+)$/

export function mirrorEntry(flow: Mm2Flow, clusters: ReadonlyMap<string, Settings>, note: Note): Entry {
  const { source, target, name } = flow
  const reader = new ConnectorReader(flow.connector, `mirrors ${name ?? `${source}->${target}`}`, note)
  tellClasses(reader)
  tellClusters(flow, clusters, note)
  tellLogins(flow, clusters, note)
  const naming = namingOf(reader)
  const separator = typeof naming['separator'] === 'string' ? naming['separator'] : '.'
  return {
    ...(name === undefined ? {} : { name, progress: name.replaceAll(/[^A-Za-z0-9_-]+/g, '-') }),
    from: source,
    to: target,
    topics: topicsOf(reader, separator),
    groups: filterOf(reader, 'groups', GROUPS_EXCLUDED, GROUPS_EXCLUDED, () => false),
    ...naming,
    ...readingOf(reader),
    sync: syncOf(reader),
    ...refreshOf(reader),
    replicationFactor: replicasOf(reader),
  }
}

function tellClasses(reader: ConnectorReader): void {
  for (const [key, usual] of Object.entries(DEFAULT_CLASSES)) {
    const setting = reader.get(key)
    if (setting?.value.trim().endsWith(usual.split('.').at(-1)!))
      reader.note(setting, 'same', 'it is what heliostat does')
    else if (setting)
      reader.note(
        setting,
        'refused',
        key === 'forwarding.admin.class'
          ? 'code in Java cannot run here; topics, configs and access rules are made by requests of Kafka'
          : `code in Java cannot run here; what ${setting.value} decides must be said with patterns`,
      )
  }
}

/** A cluster is the same for all flows: what says otherwise cannot be had. */
function tellClusters({ source, target, connector }: Mm2Flow, clusters: ReadonlyMap<string, Settings>, note: Note) {
  for (const [key, setting] of connector) {
    const [, side, name] = OF_A_CLUSTER.exec(key) ?? []
    if (name === undefined) continue
    const alias = side === 'source' ? source : target
    const own = clusters.get(alias)?.get(name)
    if (name === 'alias') {
      const asked = setting.value.trim()
      if (asked !== alias) note(setting, 'refused', `a cluster has one name: call it ${asked} everywhere`)
    } else if (own?.key === setting.key) continue
    else if (own?.value === setting.value) note(setting, 'same', `it is what ${own.key} says`)
    else note(setting, 'refused', `a cluster is the same for all its flows: say ${name} for the cluster ${alias}`)
  }
}

/** All clients of a cluster log in alike, too. */
function tellLogins({ source, target, connector }: Mm2Flow, clusters: ReadonlyMap<string, Settings>, note: Note) {
  for (const [key, setting] of connector) {
    const [, side, override, name] = LOGIN.exec(key) ?? []
    if (name === undefined || key.startsWith('consumer.override.')) continue
    const sides = side === 'source' ? [source] : side === 'target' || override ? [target] : [source, target]
    const usual = name === 'security.protocol' ? 'PLAINTEXT' : ''
    const said = (alias: string) => clusters.get(alias)?.get(name)?.value.trim() || usual
    const other = sides.find((alias) => said(alias) !== (setting.value.trim() || usual))
    if (other === undefined) note(setting, 'same', 'all clients of a cluster log in alike')
    else note(setting, 'refused', `all clients of a cluster log in alike: say ${name} for the cluster ${other}`)
  }
}

function topicsOf(reader: ConnectorReader, separator: string): Entry {
  const isInternal = internalTopics(separator)
  const filter = filterOf(reader, 'topics', TOPICS_EXCLUDED, TOPICS_EXCLUDED_BY_MIRRORMAKER, isInternal)
  const beats = reader.get('heartbeats.replication.enabled')
  const areNamed = [filter.include].flat().some((pattern) => patternOf(pattern)?.matches('heartbeats'))
  if (!beats) return filter
  if (flagOf(beats.value) !== false || areNamed) {
    reader.note(beats, 'same', 'heartbeats of the source are mirrored')
    return filter
  }
  reader.mapped(beats, 'topics.exclude')
  return { ...filter, exclude: [...[filter.exclude].flat(), `(.*${quotePattern(separator)})?heartbeats`] }
}

/** `usual` excludes what nothing here leaves out by itself, `left` is what MirrorMaker leaves out by default. */
function filterOf(
  reader: ConnectorReader,
  what: 'topics' | 'groups',
  usual: readonly string[],
  left: readonly string[],
  isInternal: (name: string) => boolean,
): { include: string | string[]; exclude: string | string[] } {
  const include = reader.get(what)
  const exclude = reader.get(`${what}.exclude`, `${what}.blacklist`)
  const leftOut = (exclude ? patternsIn(exclude) : left).flatMap((pattern) => patternOf(pattern) ?? [])
  const isLeftOut = (name: string) => isInternal(name) || leftOut.some((pattern) => pattern.matches(name))
  // An exact name always wins here, while in MirrorMaker exclusion does.
  const both: string[] = []
  const included = (include ? patternsIn(include) : ['.*']).flatMap((pattern) => {
    const name = [patternOf(pattern)?.literal, pattern].find(
      (one) => one !== undefined && /^[\w.-]+$/.test(one) && isLeftOut(one),
    )
    if (name === undefined) return [pattern]
    both.push(name)
    return patternOf(pattern)?.literal === undefined ? [`(?:${pattern})`] : []
  })
  const exactly =
    both.length > 0
      ? `; ${both.join(', ')} stands in both, or is internal: MirrorMaker leaves it out, and so does this list`
      : ''
  if (include) tellPatterns(reader, include, `${what}.include${exactly}`)
  if (exclude) tellPatterns(reader, exclude, `${what}.exclude`)
  return {
    include: include && isFromEnvironment(include.value) ? yamlText(include.value) : included.map(yamlText),
    exclude:
      exclude && isFromEnvironment(exclude.value)
        ? yamlText(exclude.value)
        : (exclude ? patternsIn(exclude) : usual).map(yamlText),
  }
}

function tellPatterns(reader: ConnectorReader, setting: Setting, where: string): void {
  for (const pattern of isFromEnvironment(setting.value) ? [] : patternsIn(setting))
    try {
      javaPattern(pattern)
    } catch (error) {
      if (!(error instanceof PatternError)) throw error
      reader.note(
        setting,
        'refused',
        `${pattern}: not a regular expression, at character ${error.at + 1}: ${error.message}`,
      )
      return
    }
  reader.mapped(setting, where)
}

/** MirrorMaker puts `|` between the parts of a list: `(a,b)` is `(a|b)`. */
function patternsIn({ value }: Setting): string[] {
  const parts = listOf(value)
  return parts.every((part) => patternOf(part) !== undefined) || isFromEnvironment(value) ? parts : [parts.join('|')]
}

function patternOf(source: string): JavaPattern | undefined {
  try {
    return javaPattern(source)
  } catch {
    return undefined
  }
}

function namingOf(reader: ConnectorReader): Entry {
  const entry: Entry = {}
  const policy = reader.get('replication.policy.class')
  // Strimzi had an IdentityReplicationPolicy before Kafka did.
  const name = policy?.value.trim().split('.').at(-1) ?? 'DefaultReplicationPolicy'
  const isOwn = /^\s*(org\.apache\.kafka\..*|io\.strimzi\..*|\w+)\s*$/.test(policy?.value ?? name)
  entry['naming'] = name === 'IdentityReplicationPolicy' ? 'identity' : 'prefix'
  if (policy && isOwn && /^(Default|Identity)ReplicationPolicy$/.test(name)) reader.mapped(policy, 'naming')
  else if (policy)
    reader.note(
      policy,
      'refused',
      `code in Java cannot run here: naming: { rename: { match, replace } } may say the same as ${policy.value.trim()}`,
    )
  const separator = reader.get('replication.policy.separator')
  const text = separator?.value.trim() ?? '.'
  if (separator && !/^[._-]+$/.test(text)) reader.note(separator, 'refused', 'a separator is made of . _ -')
  else if (separator) {
    reader.mapped(separator, 'separator')
    if (text !== '.') entry['separator'] = text
  }
  const internal = reader.get('replication.policy.internal.topic.separator.enabled')
  const isOff = flagOf(internal?.value ?? '') === false
  if (internal && isOff && entry['separator'])
    reader.note(internal, 'refused', 'internal topics are named with the separator: tools that read them need it, too')
  else if (internal) reader.note(internal, 'same', 'internal topics are named with the separator')
  return entry
}

function readingOf(reader: ConnectorReader): Entry {
  const isolation = reader.oneOf(
    ['source.consumer.isolation.level', 'consumer.isolation.level'],
    ['read_committed', 'read_uncommitted'],
    'isolation',
    'it is read_committed or read_uncommitted',
  )
  const start = reader.oneOf(
    ['source.consumer.auto.offset.reset', 'consumer.auto.offset.reset'],
    ['earliest', 'latest'],
    'start; records that are gone are never skipped in silence, see onDataLoss',
    'a topic without progress begins at its earliest or latest record, or at a time: start',
  )
  return { ...(isolation ? { isolation } : {}), ...(start ? { start } : {}) }
}

function syncOf(reader: ConnectorReader): Entry {
  const configs: Entry = {}
  const exclude = reader.get('config.properties.exclude', 'config.properties.blacklist')
  if (exclude) tellPatterns(reader, exclude, 'sync.topicConfigs.exclude')
  if (exclude) configs['exclude'] = patternsIn(exclude).map(yamlText)
  const defaults = reader.oneOf(
    ['use.defaults.from'],
    ['source', 'target'],
    'sync.topicConfigs.useDefaultsFrom',
    'it is source or target',
  )
  if (defaults) configs['useDefaultsFrom'] = defaults
  const every = reader.seconds('sync.topic.configs.interval.seconds', 'sync.topicConfigs.every')
  if (every !== undefined && every > 0) configs['every'] = `${every}s`
  const isOn = (reader.flag('sync.topic.configs.enabled', 'sync.topicConfigs') ?? true) && every !== -1
  const aclsEvery = reader.seconds('sync.topic.acls.interval.seconds', 'sync.acls.every')
  const acls = (reader.flag('sync.topic.acls.enabled', 'sync.acls') ?? true) && aclsEvery !== -1
  return {
    topicConfigs: isOn && Object.keys(configs).length > 0 ? configs : isOn,
    acls: acls && aclsEvery !== undefined ? { every: `${aclsEvery}s` } : acls,
    groupOffsets: groupOffsetsOf(reader),
  }
}

/** It is the work of the connector that writes checkpoints, by offset syncs: without either there is none. */
function groupOffsetsOf(reader: ConnectorReader): boolean {
  const asked = reader.get('sync.group.offsets.enabled')
  const off = ['emit.checkpoints.enabled', 'emit.offset-syncs.enabled'].find(
    (key) => flagOf(reader.get(key)?.value ?? '') === false,
  )
  if (!asked || flagOf(asked.value) !== true || off === undefined)
    return reader.flag('sync.group.offsets.enabled', 'sync.groupOffsets') ?? false
  reader.mapped(asked, `sync.groupOffsets: false, since without ${off} MirrorMaker brings none over`)
  return false
}

function refreshOf(reader: ConnectorReader): Entry {
  const refresh = reader.seconds('refresh.topics.interval.seconds', 'refresh')
  const enabled = reader.get('refresh.topics.enabled')
  if (enabled)
    reader.note(enabled, flagOf(enabled.value) === false ? 'refused' : 'same', 'new topics are always looked for')
  if (refresh === -1) {
    const setting = reader.get('refresh.topics.interval.seconds')!
    reader.note(setting, 'refused', 'new topics are always looked for')
  }
  return refresh !== undefined && refresh > 0 ? { refresh: `${refresh}s` } : {}
}

function replicasOf(reader: ConnectorReader): number | 'target-default' {
  const setting = reader.get('replication.factor')
  if (!setting) return 2
  const replicas = wholeOf(setting.value)
  if (replicas === undefined || replicas < -1 || replicas === 0 || replicas > 32_767) {
    reader.note(setting, 'refused', 'it is a whole number from 1 to 32767, or -1')
    return 2
  }
  reader.mapped(setting, 'replicationFactor')
  return replicas === -1 ? 'target-default' : replicas
}
