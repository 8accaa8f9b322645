// MirrorMaker's connectors as Connect takes them (JSON, one or many), and Strimzi's KafkaMirrorMaker2 (YAML), as the set-up that they mean.
// Both say per connector what the driver's file says per flow.
import type { Mm2Flow, Mm2Setup, Setting, Settings } from './setup.ts'

const CONNECTORS = /Mirror(Source|Checkpoint|Heartbeat)Connector$/
const IS_COPYING = /MirrorSourceConnector$/
const OF_A_CLUSTER = /^(source|target)\.cluster\.(?!alias$)(.+)$/

type Json = Readonly<Record<string, unknown>>

interface FlowDraft {
  readonly source: string
  readonly target: string
  readonly connector: Map<string, Setting>
  copies: boolean
}

class SetupDraft {
  readonly clusters = new Map<string, Map<string, Setting>>()
  readonly #flows = new Map<string, FlowDraft>()

  cluster(alias: string, settings: Settings): void {
    const known = this.clusters.get(alias) ?? new Map<string, Setting>()
    for (const [key, setting] of settings) known.set(key, setting)
    this.clusters.set(alias, known)
  }

  flow(source: string, target: string): FlowDraft {
    const name = `${source}->${target}`
    const flow = this.#flows.get(name) ?? { source, target, connector: new Map<string, Setting>(), copies: false }
    this.#flows.set(name, flow)
    return flow
  }

  finished(): Mm2Setup {
    const flows: Mm2Flow[] = [...this.#flows.values()].filter(({ copies }) => copies)
    return { clusters: this.clusters, flows }
  }
}

/** `{ name, config }`, a bare config, a list of either, or what `GET /connectors?expand=info` answers. Undefined: none of these. */
export function setupOfConnectors(json: unknown): Mm2Setup | undefined {
  const configs = configsIn(json)
  if (configs.length === 0) return undefined
  const draft = new SetupDraft()
  for (const config of configs) {
    const settings = settingsOf(config, '')
    const [source, target] = ['source', 'target'].map((side) => settings.get(`${side}.cluster.alias`)?.value ?? side)
    const flow = draft.flow(source!, target!)
    if (IS_COPYING.test(settings.get('connector.class')!.value))
      flow.copies = settings.get('enabled')?.value !== 'false'
    for (const [key, setting] of settings) {
      const ofCluster = OF_A_CLUSTER.exec(key)
      if (ofCluster) draft.cluster(ofCluster[1] === 'source' ? source! : target!, new Map([[ofCluster[2]!, setting]]))
      else flow.connector.set(key, setting)
    }
  }
  return draft.finished()
}

function configsIn(json: unknown): Json[] {
  if (Array.isArray(json)) return json.flatMap(configsIn)
  if (!isObject(json)) return []
  if (typeof json['connector.class'] === 'string') return CONNECTORS.test(json['connector.class']) ? [json] : []
  if (isObject(json['config'])) return configsIn(json['config'])
  if (isObject(json['info'])) return configsIn(json['info'])
  return Object.values(json).filter(isObject).flatMap(configsIn)
}

/** Undefined: the document is no KafkaMirrorMaker2. */
export function setupOfStrimzi(document: unknown): Mm2Setup | undefined {
  if (!isObject(document) || document['kind'] !== 'KafkaMirrorMaker2' || !isObject(document['spec'])) return undefined
  const { spec } = document
  const draft = new SetupDraft()
  const target = isObject(spec['target']) ? spec['target'] : undefined
  for (const cluster of objectsIn(spec['clusters'])) addCluster(draft, cluster)
  if (target) addCluster(draft, target)
  for (const mirror of objectsIn(spec['mirrors'])) {
    const source = isObject(mirror['source']) ? mirror['source'] : undefined
    if (source) addCluster(draft, source)
    const from = String(source?.['alias'] ?? mirror['sourceCluster'])
    const flow = draft.flow(from, String(target?.['alias'] ?? mirror['targetCluster']))
    flow.copies = isObject(mirror['sourceConnector'])
    for (const kind of ['sourceConnector', 'checkpointConnector', 'heartbeatConnector']) {
      const connector = isObject(mirror[kind]) ? mirror[kind] : {}
      for (const [key, setting] of settingsOf(
        isObject(connector['config']) ? connector['config'] : {},
        `${kind}.config.`,
      ))
        flow.connector.set(key, setting)
      if (connector['tasksMax'] !== undefined)
        flow.connector.set('tasks.max', { key: `${kind}.tasksMax`, value: String(connector['tasksMax']), line: 0 })
    }
    // No connector of Strimzi's checkpoints groups unless it is asked for.
    if (!isObject(mirror['checkpointConnector']))
      flow.connector.set('sync.group.offsets.enabled', { key: 'checkpointConnector', value: 'false', line: 0 })
    const patterns = [
      ['topicsPattern', 'topics'],
      ['topicsBlacklistPattern', 'topics.exclude'],
      ['topicsExcludePattern', 'topics.exclude'],
      ['groupsPattern', 'groups'],
      ['groupsBlacklistPattern', 'groups.exclude'],
      ['groupsExcludePattern', 'groups.exclude'],
    ] as const
    for (const [name, key] of patterns)
      if (mirror[name] !== undefined) flow.connector.set(key, { key: name, value: String(mirror[name]), line: 0 })
  }
  return draft.finished()
}

const SECRETS = '/run/secrets'

function addCluster(draft: SetupDraft, cluster: Json): void {
  const alias = String(cluster['alias'])
  const settings = new Map(settingsOf(isObject(cluster['config']) ? cluster['config'] : {}, `${alias}.config.`))
  const set = (key: string, value: string, from: string) =>
    settings.set(key, { key: `${alias}.${from}`, value, line: 0 })
  const fromSecret = (secret: unknown, key: string) =>
    isObject(secret) ? `\${directory:${SECRETS}/${String(secret['secretName'])}:${String(secret[key])}}` : ''
  set('bootstrap.servers', String(cluster['bootstrapServers']), 'bootstrapServers')
  const tls = isObject(cluster['tls']) ? cluster['tls'] : undefined
  const login = isObject(cluster['authentication']) ? cluster['authentication'] : undefined
  const type = String(login?.['type'] ?? '')
  const isSasl = login !== undefined && type !== 'tls'
  set('security.protocol', `${isSasl ? 'SASL_' : ''}${tls ? 'SSL' : 'PLAINTEXT'}`, 'tls')
  const [trusted] = objectsIn(tls?.['trustedCertificates'])
  if (trusted)
    set(
      'ssl.truststore.certificates',
      fromSecret(trusted, trusted['certificate'] ? 'certificate' : 'pattern'),
      'tls.trustedCertificates',
    )
  if (type === 'tls' && isObject(login?.['certificateAndKey'])) {
    const pair = login['certificateAndKey']
    set(
      'ssl.keystore.certificate.chain',
      fromSecret(pair, 'certificate'),
      'authentication.certificateAndKey.certificate',
    )
    set('ssl.keystore.key', fromSecret(pair, 'key'), 'authentication.certificateAndKey.key')
  } else if (isSasl) {
    set('sasl.mechanism', type.toUpperCase(), 'authentication.type')
    const password = fromSecret(login['passwordSecret'], 'password')
    set(
      'sasl.jaas.config',
      `login required username="${String(login['username'])}" password="${password}";`,
      'authentication',
    )
  }
  draft.cluster(alias, settings)
}

function settingsOf(config: Json, prefix: string): Settings {
  return new Map(
    Object.entries(config).map(([key, value]) => [key, { key: `${prefix}${key}`, value: String(value), line: 0 }]),
  )
}

function isObject(value: unknown): value is Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

const objectsIn = (value: unknown): Json[] => (Array.isArray(value) ? value.filter(isObject) : [])
