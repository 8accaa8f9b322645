// A MirrorMaker 2 set-up as a configuration of heliostat, with an answer to every key that has a place there. What MirrorMaker does by
// default is written down where heliostat's default is another and nothing speaks for changing it; where something does, the answer says so.
import { clusterEntry, type Note } from './cluster.ts'
import { mirrorEntry } from './flow.ts'
import { providersIn, withKnownProviders, yamlText } from './providers.ts'
import { type Answer, flagOf, type Mm2Setup } from './setup.ts'

export interface Converted {
  /** As it is written in the YAML. */
  readonly config: Record<string, unknown>
  /** By the key as written; several where a key counts for several flows and they differ. */
  readonly answers: readonly Answer[]
  /** What is said of the whole. */
  readonly remarks: readonly string[]
}

const EMITTED = ['emit.checkpoints.enabled', 'emit.heartbeats.enabled', 'emit.offset-syncs.enabled']
const CLUSTER_NAME = /^[A-Za-z0-9][A-Za-z0-9_-]*$/

export function convert(written: Mm2Setup): Converted {
  const setup = withProviders(written)
  const said = new Map<string, Answer>()
  const note: Note = ({ key, line }, verdict, message) => {
    const answer = { key, line, verdict, message }
    said.set(`${key} ${line} ${verdict} ${message}`, answer)
  }
  const clusters = Object.fromEntries(
    [...setup.clusters].map(([alias, settings]) => [alias, clusterEntry(alias, settings, note)]),
  )
  const mirrors = setup.flows.map((flow) => mirrorEntry(flow, setup.clusters, note))
  addRacks(setup, clusters, note)
  tellNames(setup, note)
  const emits = isEmitting(setup, note)
  const config = { version: 1, clusters, mirrors, ...(emits ? {} : { compat: { mm2Topics: false } }) }
  return { config, answers: [...said.values()], remarks: remarksOn(setup) }
}

/** Each provider has the name of what it is. */
function withProviders({ clusters, flows, keys }: Mm2Setup): Mm2Setup {
  const kinds = providersIn([...clusters.values(), ...flows.map(({ connector }) => connector)])
  return {
    clusters: new Map([...clusters].map(([alias, settings]) => [alias, withKnownProviders(settings, kinds)])),
    flows: flows.map((flow) => ({ ...flow, connector: withKnownProviders(flow.connector, kinds) })),
    keys,
  }
}

function addRacks({ flows }: Mm2Setup, clusters: Record<string, Record<string, unknown>>, note: Note): void {
  for (const { source, connector } of flows) {
    const rack = connector.get('source.consumer.client.rack') ?? connector.get('consumer.client.rack')
    const cluster = clusters[source]
    if (!rack || !cluster) continue
    const text = yamlText(rack.value.trim())
    if (cluster['rack'] !== undefined && cluster['rack'] !== text)
      note(rack, 'refused', `heliostat stands in one rack of ${source}, and that is ${String(cluster['rack'])}`)
    else note(rack, 'mapped', `clusters.${source}.rack`)
    cluster['rack'] ??= text
  }
}

/** Names that other clusters may have, and not those of this file. */
function tellNames({ clusters }: Mm2Setup, note: Note): void {
  for (const [alias, settings] of clusters) {
    const setting = settings.get('bootstrap.servers')
    if (CLUSTER_NAME.test(alias) || !setting) continue
    note(
      setting,
      'refused',
      `${alias} cannot be the name of a cluster here (letters, digits, - and _): under another name naming: { rename: { match: "(.*)", replace: "${alias}.$1" } } keeps those of its topics`,
    )
  }
}

function isEmitting({ flows }: Mm2Setup, note: Note): boolean {
  const emits = flows.some(({ connector }) => EMITTED.some((key) => flagOf(connector.get(key)?.value ?? '') !== false))
  for (const { connector } of flows)
    for (const key of EMITTED) {
      const setting = connector.get(key)
      if (!setting) continue
      const source = key === 'emit.heartbeats.enabled' ? '; heartbeats: both writes them at the source, too' : ''
      const all = `compat.mm2Topics is for all three topics, and on unless all are off${source}`
      note(setting, 'mapped', emits ? all : 'compat.mm2Topics: false')
    }
  return emits || flows.length === 0
}

/** Where MirrorMaker's defaults, which stand in no file, are not those here. */
function remarksOn({ flows, keys }: Mm2Setup): string[] {
  if (flows.length === 0)
    return ['no flow is enabled: MirrorMaker would copy nothing, and this is no configuration before it has a mirror']
  const lack = (...keys: string[]) => flows.some(({ connector }) => !keys.some((key) => connector.has(key)))
  const remarks = [
    'copies that it made are gone on with once `takeOver: mirrormaker` stands in their mirror, and left alone without it',
  ]
  if (lack('source.consumer.isolation.level', 'consumer.isolation.level'))
    remarks.push(
      'MirrorMaker reads uncommitted by default and copies what transactions aborted; here only what was committed is copied',
    )
  if (lack('topics.exclude', 'topics.blacklist'))
    remarks.push(
      'MirrorMaker before 4.0 leaves out topics that end with .internal or -internal, too; where they are to stay out, topics.exclude says so',
    )
  if (lack('sync.group.offsets.enabled'))
    remarks.push(
      'MirrorMaker brings no positions of groups over by default, and so does this; sync: { groupOffsets: true } does, within a second',
    )
  // Of connectors, one that writes them to the source is in the file or is not.
  if (keys.some(({ key }) => key === 'clusters') && lack('emit.heartbeats.enabled'))
    remarks.push(
      'MirrorMaker writes heartbeats to the source by default, too; here they are on the target, and with heartbeats: both on both',
    )
  return remarks
}
