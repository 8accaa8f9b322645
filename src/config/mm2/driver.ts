// The dedicated mode's one file (MirrorMakerConfig): which of its keys reach which flow, with MirrorMaker's precedence. Lowest to
// highest: keys at the top level, only under names that the connectors know; keys of the two clusters; keys of the flow (`A->B.`).
import { isConnectorKey, standingAnswer } from './keys.ts'
import type { Property } from './properties.ts'
import { flagOf, listOf, type Mm2Flow, type Mm2Setup, type Setting, type Settings, type Verdict } from './setup.ts'

/** Of these, keys at the top level count for every cluster. */
const FOR_EVERY_CLUSTER = /^(bootstrap\.servers|security\.protocol|ssl\..*|sasl\..*)$/
/** Prefixes that pass from the top level as they are. */
const PASSING = /^(config\.providers|replication\.policy)/
const OF_A_CLIENT = /^(consumer|producer|admin)/
const OF_SOME_CLUSTER = /^([^.]+)\.(bootstrap\.servers|security\.protocol|(ssl|sasl|consumer|producer|admin)\..+)$/

export function readDriverFile(properties: readonly Property[]): Mm2Setup {
  const all: Settings = new Map(properties.map((property) => [property.key, property]))
  const aliases = [...new Set(listOf(all.get('clusters')?.value ?? ''))]
  const clusters = new Map(aliases.map((alias) => [alias, clusterSettings(all, alias)]))
  const flows: Mm2Flow[] = []
  for (const source of aliases)
    for (const target of aliases) {
      if (source === target) continue
      const connector = connectorSettings(all, clusters, source, target)
      if (isEnabled(all, connector, source, target)) flows.push({ source, target, connector })
    }
  const enabled = new Set(flows.map(({ source, target }) => `${source}->${target}`))
  return {
    clusters,
    flows,
    keys: properties.map(({ key, value, line }) => ({ key, line, otherwise: otherwise(key, value, aliases, enabled) })),
  }
}

/**
 * A connector that is on needs a herder to run it (MirrorMakerConfig.clusterPairs): there is one where the flow itself says `enabled`, and
 * for the sake of heartbeats, which are on by default, for every pair.
 */
function isEnabled(all: Settings, connector: Settings, source: string, target: string): boolean {
  if (flagOf(connector.get('enabled')?.value ?? '') !== true) return false
  const prefix = `${source}->${target}.`
  const beats = all.get(`${prefix}emit.heartbeats.enabled`) ?? all.get('emit.heartbeats.enabled')
  return flagOf(all.get(`${prefix}enabled`)?.value ?? '') === true || flagOf(beats?.value ?? 'true') === true
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

/** What is said of a key that nothing converted. */
function otherwise(key: string, value: string, aliases: readonly string[], enabled: ReadonlySet<string>): Verdict {
  const flows = aliases.flatMap((from) => aliases.map((to) => [from, to] as const))
  const flow = flows.find(([from, to]) => key.startsWith(`${from}->${to}.`))
  if (flow) {
    const [from, to] = flow
    if (from === to) return { verdict: 'none', message: 'a cluster is not mirrored to itself' }
    const plain = key.slice(`${from}->${to}.`.length)
    if (plain === 'enabled' && flagOf(value) === undefined)
      return { verdict: 'refused', message: 'it is neither true nor false' }
    if (enabled.has(`${from}->${to}`) || plain === 'enabled') return standingAnswer(plain, value)
    if (plain === 'emit.heartbeats.enabled')
      return {
        verdict: 'none',
        message: 'heartbeats are written to the target; to the source as well with heartbeats: both',
      }
    return { verdict: 'none', message: `${from}->${to} is not enabled` }
  }
  if (/->/.test(key)) return { verdict: 'unknown', message: notDefined(aliases) }
  // The longest alias wins: one may be the beginning of another.
  const alias = aliases.filter((one) => key.startsWith(`${one}.`)).sort((a, b) => b.length - a.length)[0]
  if (alias !== undefined) return standingAnswer(key.slice(alias.length + 1), value)
  if (/^(consumer|producer|admin)\.(?!listeners$)/.test(key) && !isConnectorKey(key))
    return {
      verdict: 'none',
      message: `MirrorMaker gives it to nobody: CLUSTER.${key} or SOURCE->TARGET.${key} is what counts`,
    }
  const stranger = OF_SOME_CLUSTER.exec(key)?.[1]
  if (stranger !== undefined && !isConnectorKey(key) && !/^(consumer|producer|admin|config)$/.test(stranger))
    return { verdict: 'unknown', message: notDefined(aliases) }
  return standingAnswer(key, value)
}

const notDefined = (aliases: readonly string[]) =>
  `no such cluster stands in \`clusters\` (${aliases.join(', ')}): MirrorMaker ignores it too`
