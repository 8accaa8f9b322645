// A MirrorMaker 2 set-up as a configuration of heliostat, with an answer to every key. What MirrorMaker does by default is written down
// where heliostat's default is another and nothing speaks for changing it; where something does, the answer says so.
import { javaPattern } from '../../mirror/naming/java-pattern.ts'
import { clusterEntry, type Note } from './cluster.ts'
import { type Answer, listOf, type Mm2Flow, type Mm2Setup, type Setting } from './setup.ts'

export interface Converted {
  /** As it is written in the YAML. */
  readonly config: Record<string, unknown>
  /** By the key as written; several where a key counts for several flows and they differ. */
  readonly answers: readonly Answer[]
  /** What is said of the whole. */
  readonly remarks: readonly string[]
}

const DEFAULT_POLICY = 'org.apache.kafka.connect.mirror.DefaultReplicationPolicy'
const IDENTITY_POLICY = 'org.apache.kafka.connect.mirror.IdentityReplicationPolicy'
const DEFAULT_CLASSES: Readonly<Record<string, string>> = {
  'topic.filter.class': 'org.apache.kafka.connect.mirror.DefaultTopicFilter',
  'group.filter.class': 'org.apache.kafka.connect.mirror.DefaultGroupFilter',
  'config.property.filter.class': 'org.apache.kafka.connect.mirror.DefaultConfigPropertyFilter',
  'forwarding.admin.class': 'org.apache.kafka.clients.admin.ForwardingAdmin',
}
/** Of MirrorMaker's default, what heliostat's rules for internal topics do not say already. */
const TOPICS_EXCLUDED = ['.*\\.replica']
const GROUPS_EXCLUDED = ['console-consumer-.*', 'connect-.*', '__.*']
const EMITTED = ['emit.checkpoints.enabled', 'emit.heartbeats.enabled', 'emit.offset-syncs.enabled']

export function convert(setup: Mm2Setup): Converted {
  const said = new Map<string, Answer>()
  const note: Note = ({ key, line }, verdict, message) => {
    const answer = { key, line, verdict, message }
    said.set(`${key} ${verdict} ${message}`, answer)
  }
  const clusters = Object.fromEntries(
    [...setup.clusters].map(([alias, settings]) => [alias, clusterEntry(alias, settings, note)]),
  )
  const mirrors = setup.flows.map((flow) => mirrorEntry(flow, note))
  for (const { source, connector } of setup.flows) {
    const rack = connector.get('source.consumer.client.rack')
    if (!rack || !clusters[source]) continue
    clusters[source]['rack'] = rack.value
    note(rack, 'mapped', `clusters.${source}.rack`)
  }
  const emits = setup.flows.some(({ connector }) =>
    EMITTED.some((key) => connector.get(key)?.value.trim().toLowerCase() !== 'false'),
  )
  for (const { connector } of setup.flows)
    for (const key of EMITTED) {
      const setting = connector.get(key)
      if (setting)
        note(
          setting,
          'mapped',
          emits ? 'compat.mm2Topics is for all three topics, and on unless all are off' : 'compat.mm2Topics: false',
        )
    }
  const config = { version: 1, clusters, mirrors, ...(emits ? {} : { compat: { mm2Topics: false } }) }
  return { config, answers: [...said.values()], remarks: remarksOn(setup) }
}

function remarksOn({ flows, clusters }: Mm2Setup): string[] {
  const remarks: string[] = []
  const dotted = [...clusters.keys()].filter((alias) => !/^[A-Za-z0-9][A-Za-z0-9_-]*$/.test(alias))
  for (const alias of dotted)
    remarks.push(
      `${alias} cannot be the name of a cluster here (letters, digits, - and _): another name is another prefix of its topics`,
    )
  if (flows.length > 0)
    remarks.push(
      'copies that it made are gone on with once `takeOver: mirrormaker` stands in their mirror, and left alone without it',
    )
  if (flows.length === 0) remarks.push('no flow is enabled: MirrorMaker would copy nothing, too')
  else if (flows.every(({ connector }) => !connector.has('source.consumer.isolation.level')))
    remarks.push(
      'MirrorMaker reads uncommitted by default and copies what transactions aborted; here only what was committed is copied',
    )
  return remarks
}

function mirrorEntry(flow: Mm2Flow, note: Note): Record<string, unknown> {
  const { source, target, connector } = flow
  const place = `mirrors ${source}->${target}`
  const get = (...keys: string[]): Setting | undefined =>
    keys.map((key) => connector.get(key)).find((found) => found !== undefined)
  const mapped = (setting: Setting | undefined, where: string) => {
    if (setting) note(setting, 'mapped', `${place}: ${where}`)
    return setting?.value.trim()
  }
  const flag = (key: string, where: string) => {
    const value = mapped(get(key), where)?.toLowerCase()
    return value === undefined ? undefined : value === 'true'
  }
  for (const [key, usual] of Object.entries(DEFAULT_CLASSES)) {
    const setting = get(key)
    if (setting?.value.trim().endsWith(usual.split('.').at(-1)!)) note(setting, 'same', 'it is what heliostat does')
    else if (setting)
      note(setting, 'refused', `code in Java cannot run here; what ${setting.value} decides must be said with patterns`)
  }
  const mirror: Record<string, unknown> = { from: source, to: target }
  mirror['topics'] = filterOf(
    get('topics'),
    get('topics.exclude', 'topics.blacklist'),
    TOPICS_EXCLUDED,
    'topics',
    place,
    note,
  )
  mirror['groups'] = filterOf(
    get('groups'),
    get('groups.exclude', 'groups.blacklist'),
    GROUPS_EXCLUDED,
    'groups',
    place,
    note,
  )
  Object.assign(mirror, namingOf(get, place, note), readingOf(get, place, note))
  mirror['sync'] = syncOf(get, flag, mapped)
  const refresh = mapped(get('refresh.topics.interval.seconds'), 'refresh')
  if (refresh) mirror['refresh'] = `${refresh}s`
  const refreshed = get('refresh.topics.enabled')
  if (refreshed)
    note(
      refreshed,
      refreshed.value.trim().toLowerCase() === 'false' ? 'refused' : 'same',
      'new topics are always looked for',
    )
  const replicas = mapped(get('replication.factor'), 'replicationFactor') ?? '2'
  mirror['replicationFactor'] = replicas === '-1' ? 'target-default' : Number(replicas)
  return mirror
}

function filterOf(
  include: Setting | undefined,
  exclude: Setting | undefined,
  usual: readonly string[],
  what: 'topics' | 'groups',
  place: string,
  note: Note,
): { include: string[]; exclude: string[] } {
  const included = include ? listOf(include.value) : ['.*']
  const excluded = exclude ? listOf(exclude.value) : [...usual]
  const both = included.filter((name) => excluded.some((pattern) => matches(pattern, name)))
  const exactly =
    both.length > 0 ? `; ${both.join(', ')} stands in both: MirrorMaker leaves it out, and so does this list` : ''
  if (include) note(include, 'mapped', `${place}: ${what}.include${exactly}`)
  if (exclude) note(exclude, 'mapped', `${place}: ${what}.exclude`)
  // An exact name always wins here, while in MirrorMaker exclusion does.
  return { include: included.filter((name) => !both.includes(name)), exclude: excluded }
}

/** A pattern that is none is refused by the lint, with the place. */
function matches(pattern: string, name: string): boolean {
  try {
    return javaPattern(pattern).matches(name)
  } catch {
    return false
  }
}

type Get = (...keys: string[]) => Setting | undefined

function namingOf(get: Get, place: string, note: Note): Record<string, unknown> {
  const entry: Record<string, unknown> = {}
  const policy = get('replication.policy.class')
  const name = policy?.value.trim() ?? DEFAULT_POLICY
  const known = [DEFAULT_POLICY, IDENTITY_POLICY].find((one) => one === name || one.endsWith(`.${name}`))
  entry['naming'] = known === IDENTITY_POLICY ? 'identity' : 'prefix'
  if (policy && known) note(policy, 'mapped', `${place}: naming`)
  else if (policy)
    note(
      policy,
      'refused',
      `code in Java cannot run here: naming: { rename: { match, replace } } may say the same as ${name}`,
    )
  const separator = get('replication.policy.separator')
  if (separator) {
    note(separator, 'mapped', `${place}: separator`)
    if (separator.value.trim() !== '.') entry['separator'] = separator.value.trim()
  }
  const internal = get('replication.policy.internal.topic.separator.enabled')
  const isOff = internal?.value.trim().toLowerCase() === 'false'
  if (internal && isOff && entry['separator'])
    note(internal, 'refused', 'internal topics are named with the separator: tools that read them need it, too')
  else if (internal) note(internal, 'same', 'internal topics are named with the separator')
  return entry
}

function readingOf(get: Get, place: string, note: Note): Record<string, unknown> {
  const entry: Record<string, unknown> = {}
  const isolation = get('source.consumer.isolation.level', 'consumer.override.isolation.level')
  if (isolation) {
    note(isolation, 'mapped', `${place}: isolation`)
    entry['isolation'] = isolation.value.trim().toLowerCase()
  }
  const reset = get('source.consumer.auto.offset.reset', 'consumer.override.auto.offset.reset')
  const start = reset?.value.trim().toLowerCase()
  if (reset && (start === 'earliest' || start === 'latest')) {
    note(reset, 'mapped', `${place}: start; records that are gone are never skipped in silence, see onDataLoss`)
    entry['start'] = start
  } else if (reset)
    note(reset, 'refused', 'a topic without progress begins at its earliest or latest record, or at a time')
  return entry
}

function syncOf(
  get: Get,
  flag: (key: string, where: string) => boolean | undefined,
  mapped: (setting: Setting | undefined, where: string) => string | undefined,
): Record<string, unknown> {
  const configs: Record<string, unknown> = {}
  const exclude = mapped(get('config.properties.exclude', 'config.properties.blacklist'), 'sync.topicConfigs.exclude')
  if (exclude !== undefined) configs['exclude'] = listOf(exclude)
  const defaults = mapped(get('use.defaults.from'), 'sync.topicConfigs.useDefaultsFrom')
  if (defaults !== undefined) configs['useDefaultsFrom'] = defaults.toLowerCase()
  const every = mapped(get('sync.topic.configs.interval.seconds'), 'sync.topicConfigs.every')
  if (every !== undefined) configs['every'] = `${every}s`
  const isOn = flag('sync.topic.configs.enabled', 'sync.topicConfigs') ?? true
  const aclsEvery = mapped(get('sync.topic.acls.interval.seconds'), 'sync.acls.every')
  const acls = flag('sync.topic.acls.enabled', 'sync.acls') ?? true
  return {
    topicConfigs: isOn && Object.keys(configs).length > 0 ? configs : isOn,
    acls: acls && aclsEvery !== undefined ? { every: `${aclsEvery}s` } : acls,
    groupOffsets: flag('sync.group.offsets.enabled', 'sync.groupOffsets') ?? false,
  }
}
