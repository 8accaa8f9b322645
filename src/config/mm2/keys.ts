// Every key that MirrorMaker 2 knows and that has no place of its own in the YAML: what it means here. Keys by their plain names, without
// alias and flow; the first row that fits answers. Keys that do have a place are answered where they are converted.
import { nearName } from '../near-name.ts'
import type { Answer, Verdict } from './setup.ts'

type Row = readonly [
  pattern: RegExp,
  verdict: Answer['verdict'],
  message: string,
  /** A value that this is no answer to, and the answer to that. */
  unless?: readonly [value: RegExp, verdict: Answer['verdict'], message: string],
]

/** What the three connectors know (their ConfigDefs): at the top level only these names reach them. */
const CONNECTOR_KEYS: ReadonlySet<string> = new Set(
  `enabled source.cluster.alias target.cluster.alias admin.timeout.ms replication.policy.class replication.policy.separator
  replication.policy.internal.topic.separator.enabled forwarding.admin.class metric.reporters security.protocol task.index
  topics topics.exclude topics.blacklist topic.filter.class config.properties.exclude config.properties.blacklist
  config.property.filter.class use.defaults.from consumer.poll.timeout.ms refresh.topics.enabled refresh.topics.interval.seconds
  sync.topic.configs.enabled sync.topic.configs.interval.seconds sync.topic.acls.enabled sync.topic.acls.interval.seconds
  replication.factor offset-syncs.topic.replication.factor offset-syncs.topic.location offset.lag.max emit.offset-syncs.enabled
  heartbeats.replication.enabled metric.names.formats task.assigned.partitions use.incremental.alter.configs
  add.source.alias.to.metrics groups groups.exclude groups.blacklist group.filter.class refresh.groups.enabled
  refresh.groups.interval.seconds emit.checkpoints.enabled emit.checkpoints.interval.seconds sync.group.offsets.enabled
  sync.group.offsets.interval.seconds checkpoints.topic.replication.factor task.assigned.groups emit.heartbeats.enabled
  emit.heartbeats.interval.seconds heartbeats.topic.replication.factor name connector.class tasks.max tasks.max.enforce
  key.converter value.converter header.converter transforms predicates config.action.reload errors.retry.timeout
  errors.retry.delay.max.ms errors.tolerance errors.log.enable errors.log.include.messages topic.creation.groups
  connector.plugin.version
  exactly.once.support transaction.boundary transaction.boundary.interval.ms offsets.storage.topic`.split(/\s+/),
)

export function isConnectorKey(name: string): boolean {
  return CONNECTOR_KEYS.has(name) || /^(ssl|sasl)\./.test(name)
}

const NO_CONNECT = 'there is no Connect here: the state of a flow is in topics named heliostat.… on the target'
const OWN_CLIENTS = 'it tunes a Java client; the clients here are others and size themselves'
const JAVA = 'code in Java cannot run here'
const REPLICAS = 'internal topics have three replicas, or as many as the target has brokers'

const ROWS: readonly Row[] = [
  [/^clusters$/, 'mapped', 'clusters'],
  [
    /^config\.providers(\..*)?$/,
    'mapped',
    '${VAR} is read from the environment, { file: … } from a file; no provider is needed',
  ],
  [
    /^dedicated\.mode\.enable\.internal\.rest$/,
    'none',
    'instances share a flow through a group on the target; they do not call each other',
  ],
  [
    /^(listeners|admin\.listeners|rest\..*|response\.http\..*|access\.control\..*)$/,
    'none',
    'there is one HTTP listener, server.listen, and instances do not call each other',
  ],
  [
    /^(exactly\.once\.(source\.)?support|transaction\.boundary(\.interval\.ms)?)$/,
    'same',
    'each record is copied exactly once, by sequences: nothing needs to be switched on',
  ],
  [/^(offset|config|status)\.storage\..*$/, 'none', NO_CONNECT],
  [/^(offset\.flush|task\.shutdown|worker|task)\..*$/, 'none', NO_CONNECT],
  [/^(task\.index|task\.assigned\..*)$/, 'none', 'MirrorMaker sets it for its own tasks'],
  [/^tasks\.max(\.enforce)?$/, 'none', 'partitions are spread over all instances by themselves'],
  [
    /^(rebalance\.timeout\.ms|session\.timeout\.ms|heartbeat\.interval\.ms|scheduled\.rebalance\..*)$/,
    'none',
    'the partitions of a dead instance are taken over after 6 s',
  ],
  [
    /^(connect\.protocol|inter\.worker\..*|group\.id|(connector\.)?plugin\..*|topic\.tracking\..*|connector\.client\..*|offsets\.storage\.topic|name|connector\.class|config\.action\.reload)$/,
    'none',
    NO_CONNECT,
  ],
  [
    /^(key|value|header)\.converter$/,
    'same',
    'records pass as the bytes that they are',
    [/^(?!.*ByteArrayConverter\s*$)/, 'refused', 'records pass as the bytes that they are: no other converter is run'],
  ],
  [/^topic\.creation\..*$/, 'none', 'copies are made as their sources are: replicationFactor and sync.topicConfigs'],
  [/^bootstrap\.servers$/, 'none', 'each cluster has its own'],
  [/^(key|value|header)\.converter\..*$/, 'none', 'records pass as the bytes that they are'],
  [
    /^(transforms|predicates)(\..*)?$/,
    'refused',
    'records pass unread in whole batches, so nothing can be done to single ones; names are changed with naming: { rename }',
  ],
  [
    /^errors\..*$/,
    'none',
    'a partition that cannot go on stops alone and says why; onDataLoss says what to do when records are gone',
  ],
  [/^(admin\.timeout\.ms|consumer\.poll\.timeout\.ms)$/, 'none', OWN_CLIENTS],
  [
    /^(metric\.reporters|metric\.names\.formats|add\.source\.alias\.to\.metrics)$/,
    'none',
    'metrics are at /metrics for Prometheus; compat.mm2Metrics adds the names of MirrorMaker',
  ],
  [/^metrics\..*$/, 'none', 'metrics are at /metrics for Prometheus'],
  [/^use\.incremental\.alter\.configs$/, 'same', 'single configs are changed, never all of a topic'],
  [/^topics\.whitelist$/, 'unknown', 'MirrorMaker 2 never had this key; topics is what counts'],
  [/^(heartbeats|checkpoints|offset-syncs)\.topic\.replication\.factor$/, 'none', REPLICAS],
  [
    /^offset-syncs\.topic\.location$/,
    'none',
    'offset-syncs are written to the target: nothing is ever written to a source',
  ],
  [
    /^offset\.lag\.max$/,
    'none',
    'offsets are translated exactly, whatever it is; it shapes only the offset-syncs topic, which is kept as with 100',
  ],
  [/^emit\.(checkpoints|heartbeats)\.interval\.seconds$/, 'none', 'both are written within a second'],
  [/^sync\.group\.offsets\.interval\.seconds$/, 'none', 'positions of groups are brought over within a second'],
  [/^refresh\.groups\.interval\.seconds$/, 'none', 'new groups are found within a second'],
  [/^refresh\.groups\.enabled$/, 'none', 'groups are always looked for'],
  [/^(source|target)\.cluster\.alias$/, 'mapped', 'from, to'],
  [/^enabled$/, 'mapped', 'a mirror, or none'],
  [
    /^(source\.|target\.)?(consumer|producer|admin)\.(override\.)?(interceptor\.classes|partitioner\.class)$/,
    'refused',
    JAVA,
    [/^\s*$/, 'same', 'there is none'],
  ],
  [
    /^consumer\.override\..*$/,
    'none',
    'MirrorMaker gives it to none of the consumers that copy: source.consumer. or consumer. before it is what counts',
  ],
  [/^(producer|admin)\.override\..*$/, 'none', OWN_CLIENTS],
  [
    /^(source\.|target\.)?producer\.(acks|enable\.idempotence|max\.in\.flight\.requests\.per\.connection|retries)$/,
    'same',
    'acks are those of all replicas, in order, each record once',
  ],
  [/^(source\.|target\.)?producer\.compression\..*$/, 'none', 'batches keep the compression of whoever wrote them'],
  [
    /^(source\.|target\.)?producer\.buffer\.memory$/,
    'none',
    '`buffer` bounds what is fetched and not yet acknowledged',
  ],
  [/^(source\.|target\.)?(consumer|producer|admin)\.client\.id$/, 'none', 'clients are named heliostat|<flow>'],
  [/^(source\.|target\.)?(consumer|producer|admin)\..*$/, 'none', OWN_CLIENTS],
  [
    /^ssl\.endpoint\.identification\.algorithm$/,
    'same',
    'the name in a certificate is always checked; tls.serverName says which to expect',
    [/^\s*$/, 'refused', 'the name in a certificate is always checked; tls.serverName says which to expect'],
  ],
  [
    /^(ssl\.engine\.factory\.class|security\.providers|sasl\.login\.class|sasl\.(client|login)\.callback\.handler\.class)$/,
    'refused',
    JAVA,
    [/^\s*(org\.apache\.kafka\..*)?$/, 'none', "it is Kafka's own code; logins and TLS are heliostat's own here"],
  ],
  [
    /^(sasl\.(jaas\.config|mechanism)|sasl\.oauthbearer\.(token\.endpoint\.url|client\.credentials\..*|scope|header\.urlencode)|ssl\.(truststore|keystore|key)\..*)$/,
    'none',
    'no cluster that it counts for needs it, by its security.protocol and sasl.mechanism',
  ],
  [
    /^(ssl|sasl)\..*$/,
    'none',
    'it has no place here: TLS is that of Node (1.2 and 1.3), logins are made anew for each connection',
  ],
  [
    /^(client\.id|client\.rack|auto\.offset\.reset|enable\.auto\.commit|isolation\.level|acks|linger\.ms|batch\.size|compression\..*|fetch\..*|max\.(poll|partition|request|block|in\.flight)\..*|request\.timeout\.ms|.*backoff.*|connections\..*|metadata\..*|(send|receive)\.buffer\.bytes|socket\..*|retries|default\.api\.timeout\.ms|client\.dns\.lookup)$/,
    'none',
    'without consumer., producer. or admin. before it, MirrorMaker gives it to nobody',
  ],
]

/** The answer to a key by its plain name, without alias and flow, where nothing converted it. */
export function standingAnswer(plain: string, value: string): Verdict {
  const row = ROWS.find(([pattern]) => pattern.test(plain))
  if (row) {
    const [, verdict, message, unless] = row
    if (unless?.[0].test(value)) return { verdict: unless[1], message: unless[2] }
    return { verdict, message }
  }
  if (isConnectorKey(plain))
    return {
      verdict: 'none',
      message: 'it has no effect where it stands: a more exact key counts, or no flow reads it',
    }
  const near = nearName(plain, CONNECTOR_KEYS)
  const hint = near === undefined ? '' : `; it knows ${near}`
  return { verdict: 'unknown', message: `MirrorMaker does not know it, and ignores it too${hint}` }
}
