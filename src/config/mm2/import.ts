// A file of MirrorMaker 2 in, a configuration of heliostat out: the dedicated mode's properties, Strimzi's KafkaMirrorMaker2, or Connect's
// connectors.
import { stringify } from 'yaml'
import { refusedText } from '../document.ts'
import { ConfigError, type Problem } from '../problem.ts'
import { kindOf, readConnectorProperties, readConnectors } from './connectors.ts'
import { convert } from './convert.ts'
import { readDriverFile } from './driver.ts'
import { type Place, placesOf } from './place.ts'
import { type Property, parseProperties } from './properties.ts'
import type { Answer, Mm2Setup } from './setup.ts'
import { SetupDraft } from './setup-draft.ts'
import { readKafkaConnector, readMirrorMaker2 } from './strimzi.ts'

export interface Imported {
  readonly yaml: string
  /** One for each key of the file, in its order; more where it means several things. */
  readonly answers: readonly Answer[]
  readonly remarks: readonly string[]
  readonly warnings: readonly Problem[]
}

/** Throws a ConfigError when the file is none of these, or broken. */
export function importMirrorMaker(text: string, file: string): Imported {
  const { setup, warnings } = read(text, file)
  refuseHomeless(setup, file)
  const { config, answers, remarks } = convert(setup)
  const answered = setup.keys.flatMap(({ key, line, otherwise }) => {
    const own = answers.filter((answer) => answer.key === key && answer.line === line)
    return own.length > 0 ? own : [{ key, line, ...otherwise }]
  })
  const others = answers.filter((answer) => !answered.includes(answer))
  const head = `# From ${file.replaceAll(/[^\x20-\x7e]/g, '?')}, of MirrorMaker 2. What it would do: heliostat plan FILE\n`
  const yaml = head + stringify(config, { lineWidth: 0, flowCollectionPadding: true })
  return { yaml, answers: [...answered, ...others], remarks, warnings }
}

interface Read {
  readonly setup: Mm2Setup
  readonly warnings: readonly Problem[]
}

function read(text: string, file: string): Read {
  const refused = refusedText(text)
  if (refused && refused.rule !== 'too-deep') throw unreadable(file, refused.rule, refused.message)
  // Properties are valid YAML more often than not: only a document with a meaning counts.
  const { places, problems } = placesOf(text)
  const setup = structured(places)
  if (setup) return { setup, warnings: [] }
  // And what can only be meant as YAML or JSON is told where it breaks.
  const isStructured = /^\uFEFF?\s*[{[]/.test(text) || /^(apiVersion|kind)\s*:/m.test(text)
  if (isStructured && problems.length > 0) throw new ConfigError(file, problems)
  return properties(text, file)
}

function structured(places: readonly Place[]): Mm2Setup | undefined {
  const draft = new SetupDraft()
  for (const resource of places.flatMap(resourcesIn)) {
    const kind = resource.under('kind')
    if (kind?.value === 'KafkaMirrorMaker2') readMirrorMaker2(resource, draft)
    else if (kind?.value === 'KafkaConnector') readKafkaConnector(resource, draft)
    else if (kind) draft.key(kind, { verdict: 'none', message: `a ${kind.text} says nothing of what is mirrored` })
    else readConnectors(resource, draft)
  }
  return draft.isEmpty ? undefined : draft.finished()
}

/** What `kubectl get -o yaml` shows of several is one list. */
function resourcesIn(document: Place): Place[] {
  return document.under('kind')?.value === 'List' ? (document.under('items')?.items() ?? []) : [document]
}

function properties(text: string, file: string): Read {
  const { properties: found, problems } = parseProperties(text)
  const fatal = problems.filter(({ severity }) => severity === 'error')
  if (fatal.length > 0) throw new ConfigError(file, fatal)
  const setup = ofOneConnector(found) ?? readDriverFile(found)
  if (setup.clusters.size > 0) return { setup, warnings: problems }
  const what = text.trim() === '' ? 'the file is empty' : 'this is no file of MirrorMaker 2'
  throw unreadable(
    file,
    'mirrormaker',
    `${what}: neither \`clusters = …\` stands in it, nor a KafkaMirrorMaker2, nor a connector`,
  )
}

function ofOneConnector(found: readonly Property[]): Mm2Setup | undefined {
  const named = new Map(found.map(({ key, value }) => [key, value]))
  const kind = kindOf(named.get('connector.class') ?? '')
  if (!kind || named.has('clusters')) return undefined
  const draft = new SetupDraft()
  readConnectorProperties(found, kind, draft)
  return draft.finished()
}

/** A cluster without an address. */
function refuseHomeless({ clusters, keys }: Mm2Setup, file: string): void {
  const homeless = [...clusters].filter(([, settings]) => !settings.get('bootstrap.servers')?.value.trim())
  if (homeless.length === 0) return
  const named = keys.find(({ key }) => key === 'clusters')?.line ?? 1
  throw new ConfigError(
    file,
    homeless.map(([alias, settings]) => ({
      severity: 'error',
      rule: 'missing',
      message: `the addresses of the cluster ${alias} are missing: its bootstrap.servers, which Strimzi calls bootstrapServers`,
      line: settings.get('bootstrap.servers')?.line ?? named,
      column: 1,
    })),
  )
}

const unreadable = (file: string, rule: string, message: string) =>
  new ConfigError(file, [{ severity: 'error', rule, message, line: 1, column: 1 }])
