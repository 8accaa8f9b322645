// MirrorMaker's connectors as Connect takes them: the config of one, `{ name, config }`, a list of either, what
// `GET /connectors?expand=info` answers, or a file of properties for one connector.
import { standingAnswer } from './keys.ts'
import type { Place } from './place.ts'
import { flagOf, type Setting, type Settings, type Verdict } from './setup.ts'
import type { ConnectorKind, SetupDraft } from './setup-draft.ts'

const CLASS = /(?:^|\.)Mirror(Source|Checkpoint|Heartbeat)(?:Connector)?$/
const OF_A_CLUSTER = /^(source|target)\.cluster\.(?!alias$)(.+)$/

/** Which of MirrorMaker's connectors a `connector.class` is, if one. */
export function kindOf(connectorClass: string): ConnectorKind | undefined {
  return CLASS.exec(connectorClass.trim())?.[1]?.toLowerCase() as ConnectorKind | undefined
}

/** All connectors in a document, however deep; what stands beside them is answered, too. */
export function readConnectors(place: Place, draft: SetupDraft, name?: string): void {
  const connectorClass = place.under('connector.class')
  const named = place.under('name')?.text ?? name
  if (connectorClass) {
    const kind = kindOf(connectorClass.text)
    if (kind) readConnector(place, { kind, name: named }, draft)
    else draft.key(place, { verdict: 'none', message: 'it is no connector of MirrorMaker' })
  } else if (place.isPlain) draft.key(place, { verdict: 'none', message: 'it says nothing of what is mirrored' })
  for (const part of connectorClass ? [] : place.items()) readConnectors(part, draft)
  for (const [key, part] of connectorClass ? [] : place.entries()) readConnectors(part, draft, named ?? key)
}

function readConnector(config: Place, { kind, name }: Named, draft: SetupDraft): void {
  const settings = settingsOf(config, draft)
  for (const [key, setting] of settings) draft.key(setting, standingAnswerOf(key, setting.value))
  addConnector({ kind, name, settings }, draft)
}

/** One connector's own file, as Connect's standalone mode takes it. */
export function readConnectorProperties(properties: readonly Setting[], kind: ConnectorKind, draft: SetupDraft): void {
  const settings = new Map(properties.map((property) => [property.key, property]))
  for (const [key, setting] of settings) draft.key(setting, standingAnswerOf(key, setting.value))
  addConnector({ kind, name: settings.get('name')?.value, settings }, draft)
}

interface Named {
  readonly kind: ConnectorKind
  readonly name: string | undefined
}

/** Its clusters stand among its settings. */
export function addConnector(
  { kind, name, settings }: Named & { readonly settings: Settings },
  draft: SetupDraft,
): void {
  const aliasOf = (side: string) => settings.get(`${side}.cluster.alias`)?.value.trim() || side
  const own = new Map<string, Setting>()
  for (const [key, setting] of settings) {
    const [, side, plain] = OF_A_CLUSTER.exec(key) ?? []
    if (plain === undefined) own.set(key, setting)
    else draft.cluster(aliasOf(side!), new Map([[plain, setting]]))
  }
  const isOn = flagOf(settings.get('enabled')?.value ?? 'true') !== false
  draft.connector({ kind, name, source: aliasOf('source'), target: aliasOf('target'), isOn, settings: own })
}

/** The values of a mapping by their names; what is no value is told. */
export function settingsOf(place: Place | undefined, draft: SetupDraft): Map<string, Setting> {
  const settings = new Map<string, Setting>()
  for (const [name, { key, line, isPlain, text }] of place?.entries() ?? [])
    if (isPlain) settings.set(name, { key, line, value: text })
    else
      draft.key({ key, line }, { verdict: 'refused', message: 'a value of Connect is a text, a number, true or false' })
  return settings
}

/** By the key of a connector's config, where those of its clusters stand, too. */
export function standingAnswerOf(key: string, value: string): Verdict {
  return standingAnswer(key.replace(/^(source|target)\.cluster\.(?!alias$)/, ''), value)
}
