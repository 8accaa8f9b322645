// The dedicated mode's one file (MirrorMakerConfig): which of its keys reach which flow, with MirrorMaker's precedence. Lowest to
// highest: keys at the top level, only under names that the connectors know; keys of the two clusters; keys of the flow (`A->B.`).
import { isConnectorKey } from './keys.ts'
import type { Property } from './properties.ts'
import { listOf, type Mm2Flow, type Mm2Setup, type Setting, type Settings } from './setup.ts'

/** Of these, keys at the top level count for every cluster. */
const FOR_EVERY_CLUSTER = /^(bootstrap\.servers|security\.protocol|ssl\..*|sasl\..*)$/
/** Prefixes that pass from the top level as they are. */
const PASSING = /^(config\.providers|replication\.policy)/
const OF_A_CLIENT = /^(consumer|producer|admin)\./

export interface DriverFile {
  readonly setup: Mm2Setup
  /** Keys of the file by their plain names, without alias and flow; undefined: nothing reads the key. */
  readonly plainNames: ReadonlyMap<string, string | undefined>
}

export function readDriverFile(properties: readonly Property[]): DriverFile {
  const all: Settings = new Map(properties.map((property) => [property.key, property]))
  const aliases = listOf(all.get('clusters')?.value ?? '')
  const clusters = new Map(aliases.map((alias) => [alias, clusterSettings(all, alias)]))
  const flows: Mm2Flow[] = []
  for (const source of aliases)
    for (const target of aliases) {
      if (source === target) continue
      const connector = connectorSettings(all, clusters, source, target)
      if (connector.get('enabled')?.value.trim().toLowerCase() === 'true') flows.push({ source, target, connector })
    }
  return {
    setup: { clusters, flows },
    plainNames: new Map([...all.keys()].map((key) => [key, plainName(key, aliases)])),
  }
}

function withPrefix(all: Settings, prefix: string): Map<string, Setting> {
  const found = [...all].filter(([key]) => key.startsWith(prefix))
  return new Map(found.map(([key, setting]) => [key.slice(prefix.length), setting]))
}

function clusterSettings(all: Settings, alias: string): Settings {
  const common = [...all].filter(([key]) => FOR_EVERY_CLUSTER.test(key))
  return new Map([...common, ...withPrefix(all, `${alias}.`)])
}

function connectorSettings(
  all: Settings,
  clusters: ReadonlyMap<string, Settings>,
  source: string,
  target: string,
): Settings {
  const connector = new Map([...all].filter(([key]) => isConnectorKey(key) || PASSING.test(key)))
  for (const [side, alias] of [
    ['source', source],
    ['target', target],
  ] as const)
    for (const [key, setting] of clusters.get(alias)!)
      connector.set(OF_A_CLIENT.test(key) ? `${side}.${key}` : `${side}.cluster.${key}`, setting)
  for (const [key, setting] of withPrefix(all, `${source}->${target}.`)) connector.set(key, setting)
  return connector
}

/** `A->B.topics` and `topics` are both `topics`; `A.consumer.client.rack` is `consumer.client.rack`. */
function plainName(key: string, aliases: readonly string[]): string | undefined {
  const flow = /^(.+?)->(.+?)\./.exec(key)
  if (flow) {
    const prefix = aliases.flatMap((a) => aliases.map((b) => `${a}->${b}.`)).find((text) => key.startsWith(text))
    return prefix === undefined ? undefined : key.slice(prefix.length)
  }
  // The longest alias wins: one may be the beginning of another.
  const alias = aliases.filter((one) => key.startsWith(`${one}.`)).sort((a, b) => b.length - a.length)[0]
  return alias === undefined ? key : key.slice(alias.length + 1)
}
