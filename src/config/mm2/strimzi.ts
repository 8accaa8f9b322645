// Strimzi's KafkaMirrorMaker2, in its form with `clusters` (v1beta2) and in that with `target` and `source` (v1), and its KafkaConnector.
// Secrets are where a pod would have them mounted: in a folder of the secret's name.
import { addConnector, kindOf, settingsOf, standingAnswerOf } from './connectors.ts'
import { standingAnswer } from './keys.ts'
import type { Place } from './place.ts'
import type { Setting, Verdict } from './setup.ts'
import type { ConnectorKind, SetupDraft } from './setup-draft.ts'

const SECRETS = '/run/secrets'
const CONNECTORS: readonly (readonly [ConnectorKind, string])[] = [
  ['source', 'sourceConnector'],
  ['checkpoint', 'checkpointConnector'],
  ['heartbeat', 'heartbeatConnector'],
]
/** Fields of a mirror that stand for keys of its connectors; the last counts. */
const PATTERNS: readonly (readonly [ConnectorKind, field: string, key: string])[] = [
  ['source', 'topicsPattern', 'topics'],
  ['source', 'topicsBlacklistPattern', 'topics.exclude'],
  ['source', 'topicsExcludePattern', 'topics.exclude'],
  ['checkpoint', 'groupsPattern', 'groups'],
  ['checkpoint', 'groupsBlacklistPattern', 'groups.exclude'],
  ['checkpoint', 'groupsExcludePattern', 'groups.exclude'],
]
const CONFIG = /(?:Connector|clusters\[\d+\]|source|target|authentication|\bspec)\.config\.(.+)$/
const POD = 'it is for the pods of Kubernetes'

/** What is said of fields that are not converted, by their way from `spec`. */
const ROWS: readonly (readonly [RegExp, Verdict['verdict'], string])[] = [
  [/^(connectCluster|.*\.(sourceCluster|targetCluster|alias))$/, 'mapped', 'clusters, from, to'],
  [/\.authentication\.type$/, 'mapped', 'clusters: tls, sasl'],
  [/\.authentication\.sasl$/, 'mapped', 'clusters: sasl'],
  [/\.tls$/, 'mapped', 'clusters: tls'],
  [/\.(source|checkpoint|heartbeat)Connector$/, 'mapped', 'mirrors'],
  [
    /\.authentication\.(\w+TimeoutSeconds|httpRet\w+|enableMetrics|includeAcceptHeader|accessTokenIsJwt|maxTokenExpirySeconds)$/,
    'none',
    'tokens are asked for anew in time by heliostat itself',
  ],
  [/\.trustedCertificates\[\d+\]$/i, 'refused', 'one file is trusted: put all certificates into that of the first'],
  [/\.groups\w+$/, 'none', 'without a checkpointConnector no group is brought over'],
  [/\.topicsBlacklistPattern$|\.groupsBlacklistPattern$/, 'none', 'its newer name counts'],
  [/(^|\.)(pause|state)$/, 'none', 'a mirror that runs copies: leave out of the file what should not be copied yet'],
  [/(^|\.)autoRestart(\..*)?$/, 'none', 'a partition that stopped is looked at again by itself'],
  [/(^|\.)(listOffsets|alterOffsets)(\..*)?$/, 'none', 'where a mirror stands is told by heliostat status'],
  [
    /^(metricsConfig|metrics)(\..*)?$/,
    'none',
    'metrics are at /metrics for Prometheus; compat.mm2Metrics adds the names of MirrorMaker',
  ],
  [/^rack(\..*)?$/, 'none', 'clusters.NAME.rack is the rack that heliostat stands in'],
  [/^logging(\..*)?$/, 'none', 'heliostat run --log-level'],
  [/^(version|class)$|Connector\.version$/, 'none', 'it is of Connect, and there is no Connect here'],
  [
    /^(replicas|image|resources|livenessProbe|readinessProbe|jvmOptions|jmxOptions|clientRackInitImage|template|affinity|tolerations|tracing|externalConfiguration|build|plugins)\b/,
    'none',
    POD,
  ],
]

export function readMirrorMaker2(resource: Place, draft: SetupDraft): void {
  const spec = resource.under('spec')
  if (!spec) return
  const target = spec.under('target')
  for (const cluster of spec.under('clusters')?.items() ?? []) addCluster(cluster, draft)
  if (target) addCluster(target, draft)
  for (const mirror of spec.under('mirrors')?.items() ?? []) {
    const source = mirror.under('source')
    if (source) addCluster(source, draft)
    const from = (source?.under('alias') ?? mirror.under('sourceCluster'))?.text ?? 'source'
    const to = (target?.under('alias') ?? mirror.under('targetCluster'))?.text ?? 'target'
    for (const [kind, field] of CONNECTORS) {
      const connector = mirror.under(field)
      if (!connector) continue
      const settings = settingsOf(connector.under('config'), draft)
      for (const [of, name, key] of PATTERNS) {
        const pattern = mirror.under(name)
        if (pattern && of === kind) settings.set(key, settingAt(pattern))
      }
      draft.connector({ kind, name: undefined, source: from, target: to, isOn: true, settings })
    }
  }
  tellFields(spec, draft)
}

/** A connector of MirrorMaker as a resource of its own; its clusters stand in its config. */
export function readKafkaConnector(resource: Place, draft: SetupDraft): void {
  const spec = resource.under('spec')
  const kind = kindOf(spec?.under('class')?.text ?? '')
  if (!spec || !kind) return
  const name = resource.under('metadata')?.under('name')?.text
  addConnector({ kind, name, settings: settingsOf(spec.under('config'), draft) }, draft)
  tellFields(spec, draft)
}

function addCluster(cluster: Place, draft: SetupDraft): void {
  const settings = settingsOf(cluster.under('config'), draft)
  const set = (key: string, place: Place | undefined, value?: string) => {
    if (place) settings.set(key, { ...settingAt(place), ...(value === undefined ? {} : { value }) })
  }
  const tls = cluster.under('tls')
  const login = cluster.under('authentication')
  const type = login?.under('type')
  const name = type?.text.trim().toLowerCase() ?? ''
  const isSasl = login !== undefined && name !== 'tls' && (name !== 'custom' || login.under('sasl')?.value === true)
  set('bootstrap.servers', cluster.under('bootstrapServers'))
  set('security.protocol', isSasl ? type : (tls ?? type), `${isSasl ? 'SASL_' : ''}${tls ? 'SSL' : 'PLAINTEXT'}`)
  setSecret(set, 'ssl.truststore.certificates', tls?.under('trustedCertificates')?.items()[0], 'certificate', 'pattern')
  const pair = login?.under('certificateAndKey')
  setSecret(set, 'ssl.keystore.certificate.chain', pair, 'certificate')
  setSecret(set, 'ssl.keystore.key', pair, 'key')
  if (name === 'custom')
    for (const [key, setting] of settingsOf(login!.under('config'), draft)) settings.set(key, setting)
  else if (name === 'oauth') setTokens(set, login!)
  else if (isSasl) {
    set('sasl.mechanism', type, name.toUpperCase())
    set('authentication/username', login.under('username'))
    setSecret(set, 'authentication/password', login.under('passwordSecret'), 'password')
  }
  draft.cluster(cluster.under('alias')?.text ?? '', settings)
}

type Set = (key: string, place: Place | undefined, value?: string) => void

function setTokens(set: Set, login: Place): void {
  set('sasl.mechanism', login.under('type'), 'OAUTHBEARER')
  set('sasl.oauthbearer.token.endpoint.url', login.under('tokenEndpointUri'))
  set('sasl.oauthbearer.client.credentials.client.id', login.under('clientId'))
  set('sasl.oauthbearer.scope', login.under('scope'))
  setSecret(set, 'sasl.oauthbearer.client.credentials.client.secret', login.under('clientSecret'), 'key')
  setSecret(set, 'authentication/token', login.under('accessToken'), 'key')
  setSecret(set, 'authentication/ca', login.under('tlsTrustedCertificates')?.items()[0], 'certificate', 'pattern')
  const location = login.under('accessTokenLocation')
  set('sasl.oauthbearer.token.endpoint.url', location, `file://${location?.text}`)
}

/** What stands in a secret of Kubernetes, under the first of these names that is there. */
function setSecret(set: Set, key: string, secret: Place | undefined, ...names: readonly string[]): void {
  const name = names.flatMap((one) => secret?.under(one) ?? [])[0]?.text
  const folder = secret?.under('secretName')?.text
  if (name !== undefined && folder !== undefined) set(key, secret, `\${directory:${SECRETS}/${folder}:${name}}`)
}

/** Every field, with the answer that it gets unless it is converted. A reference to a secret is one field. */
function tellFields(place: Place, draft: SetupDraft): void {
  const parts = [...place.items(), ...place.entries().map(([, part]) => part)]
  if (parts.length > 0 && !place.under('secretName')) {
    for (const part of parts) tellFields(part, draft)
    return
  }
  draft.key(place, fieldAnswer(place))
}

function fieldAnswer(place: Place): Verdict {
  const { key, text } = place
  const plain = CONFIG.exec(key)?.[1]
  if (plain !== undefined) return standingAnswerOf(plain, text)
  const way = key.replace(/^(.*\.)?spec\./, '')
  if (/(^|\.)tasksMax$/.test(way)) return standingAnswer('tasks.max', text)
  if (/^target\.(groupId|\w+StorageTopic)$/.test(way)) return standingAnswer('group.id', text)
  const row = ROWS.find(([pattern]) => pattern.test(way))
  if (row) return { verdict: row[1], message: row[2] }
  if (!place.isPlain && !place.under('secretName')) return { verdict: 'none', message: 'nothing stands in it' }
  if (/\.authentication\./.test(way)) return { verdict: 'refused', message: 'there is no such thing in a login here' }
  return { verdict: 'unknown', message: 'Strimzi does not know it either' }
}

const settingAt = ({ key, line, text }: Place): Setting => ({ key, line, value: text })
