// Kafka's command line tools for operators. One JVM runs them all for a ground, one after another; each case then judges what its tool
// printed.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { javaArguments, unavailable } from '../../support/apache-kafka.ts'
import { runExternal } from '../../support/external-process.ts'
import { clientGrounds, type RunningGround, title } from '../ground.ts'

const groundMs = 150_000

const CONFIGS = 'kafka.admin.ConfigCommand'
const TOOLS = 'org.apache.kafka.tools'

interface Case {
  readonly what: string
  /** Class and arguments; the bootstrap server is added. */
  readonly tool: readonly string[]
  readonly code: number
  /** What must be printed. */
  readonly says?: RegExp
  readonly saysNot?: RegExp
  /** Its own way to name the cluster. */
  readonly bootstrap?: string
}

const entity = (type: string, name: string) => ['--entity-type', type, '--entity-name', name]

/** In this order: later ones see what earlier ones did. `FILES` stands for a directory with the files below. */
const cases: readonly Case[] = [
  {
    what: 'sets a dynamic property of the broker',
    tool: [CONFIGS, '--alter', ...entity('brokers', '1'), '--add-config', 'log.cleaner.backoff.ms=14000'],
    code: 0,
    says: /Completed updating config for broker 1/,
  },
  {
    what: 'shows it with what would hold without it',
    tool: [CONFIGS, '--describe', ...entity('brokers', '1')],
    code: 0,
    says: /log\.cleaner\.backoff\.ms=14000 sensitive=false synonyms=\{DYNAMIC_BROKER_CONFIG:log\.cleaner\.backoff\.ms=14000, DEFAULT_CONFIG:log\.cleaner\.backoff\.ms=15000\}/,
  },
  {
    what: 'is told that a property is read at the start',
    tool: [CONFIGS, '--alter', ...entity('brokers', '1'), '--add-config', 'num.partitions=3'],
    code: 1,
    says: /Cannot update these configs dynamically: \[num\.partitions\]/,
  },
  {
    what: 'sets a property of all brokers and takes it back',
    tool: [
      CONFIGS,
      '--alter',
      '--entity-type',
      'brokers',
      '--entity-default',
      '--add-config',
      'log.retention.bytes=77',
    ],
    code: 0,
    says: /Completed updating default config for brokers/,
  },
  {
    what: 'describes what is set for all brokers',
    tool: [CONFIGS, '--describe', '--entity-type', 'brokers', '--entity-default'],
    code: 0,
    says: /log\.retention\.bytes=77/,
  },
  {
    what: 'sets the level of a logger',
    tool: [CONFIGS, '--alter', ...entity('broker-loggers', '1'), '--add-config', 'root=WARN'],
    code: 0,
    says: /Completed updating config for broker-logger 1/,
  },
  {
    what: 'describes the levels of loggers',
    tool: [CONFIGS, '--describe', ...entity('broker-loggers', '1')],
    code: 0,
    says: /root=WARN/,
  },
  {
    what: 'is told that there is no such logger',
    tool: [CONFIGS, '--alter', ...entity('broker-loggers', '1'), '--add-config', 'no.such.logger=WARN'],
    code: 1,
    says: /does not exist|no\.such\.logger/,
  },
  {
    what: 'sets the quota of a user and client',
    tool: [
      CONFIGS,
      '--alter',
      ...entity('users', 'alice'),
      ...entity('clients', 'app'),
      '--add-config',
      'producer_byte_rate=1024,consumer_byte_rate=2048',
    ],
    code: 0,
    says: /Completed updating config for user alice/,
  },
  {
    what: 'describes quotas of a user',
    tool: [CONFIGS, '--describe', ...entity('users', 'alice'), ...entity('clients', 'app')],
    code: 0,
    says: /Quota configs for user-principal 'alice', client-id 'app' are (consumer_byte_rate=2048\.0, producer_byte_rate=1024\.0|producer_byte_rate=1024\.0, consumer_byte_rate=2048\.0)/,
  },
  {
    what: 'sets the default quota of addresses',
    tool: [
      CONFIGS,
      '--alter',
      '--entity-type',
      'ips',
      '--entity-default',
      '--add-config',
      'connection_creation_rate=9000',
    ],
    code: 0,
    says: /Completed updating default config for ips/,
  },
  {
    what: 'takes it back',
    tool: [
      CONFIGS,
      '--alter',
      '--entity-type',
      'ips',
      '--entity-default',
      '--delete-config',
      'connection_creation_rate',
    ],
    code: 0,
  },
  {
    what: 'sets a SCRAM credential',
    tool: [
      CONFIGS,
      '--alter',
      ...entity('users', 'bob'),
      '--add-config',
      'SCRAM-SHA-256=[iterations=8192,password=pw]',
    ],
    code: 0,
    says: /Completed updating config for user bob/,
  },
  {
    what: 'describes it without its secret',
    tool: [CONFIGS, '--describe', ...entity('users', 'bob')],
    code: 0,
    says: /SCRAM credential configs for user-principal 'bob' are SCRAM-SHA-256=iterations=8192/,
    saysNot: /salt|stored_key|server_key/,
  },
  {
    what: 'deletes it',
    tool: [CONFIGS, '--alter', ...entity('users', 'bob'), '--delete-config', 'SCRAM-SHA-256'],
    code: 0,
  },
  {
    what: 'makes a client metrics subscription',
    tool: [`${TOOLS}.ClientMetricsCommand`, '--alter', '--name', 'sub', '--interval', '1000', '--match', 'client_id=a'],
    code: 0,
    says: /Altered client metrics config for sub/,
  },
  {
    what: 'lists client metrics subscriptions',
    tool: [`${TOOLS}.ClientMetricsCommand`, '--list'],
    code: 0,
    says: /^sub$/m,
  },
  {
    what: 'describes a client metrics subscription',
    tool: [`${TOOLS}.ClientMetricsCommand`, '--describe', '--name', 'sub'],
    code: 0,
    says: /interval\.ms=1000/,
  },
  {
    what: 'sets a config of a group',
    tool: [CONFIGS, '--alter', ...entity('groups', 'g'), '--add-config', 'consumer.session.timeout.ms=50000'],
    code: 0,
    says: /Completed updating config for group g/,
  },
  {
    what: 'describes the configs of a group',
    tool: [CONFIGS, '--describe', ...entity('groups', 'g')],
    code: 0,
    says: /consumer\.session\.timeout\.ms=50000/,
  },
  { what: 'lists groups', tool: [`${TOOLS}.GroupsCommand`, '--list'], code: 0 },
  {
    what: 'describes features',
    tool: [`${TOOLS}.FeatureCommand`, 'describe'],
    bootstrap: 'first',
    code: 0,
    says: /Feature: group\.version\s+SupportedMinVersion: 0\s+SupportedMaxVersion: 1\s+FinalizedVersionLevel: 1[\s\S]*Feature: transaction\.version\s+SupportedMinVersion: 0\s+SupportedMaxVersion: 2\s+FinalizedVersionLevel: 2/,
  },
  {
    what: 'lowers a feature',
    tool: [`${TOOLS}.FeatureCommand`, 'downgrade', '--feature', 'transaction.version=1'],
    bootstrap: 'first',
    code: 0,
    says: /transaction\.version was downgraded to 1/,
  },
  {
    what: 'raises it again',
    tool: [`${TOOLS}.FeatureCommand`, 'upgrade', '--feature', 'transaction.version=2'],
    bootstrap: 'first',
    code: 0,
    says: /transaction\.version was upgraded to 2/,
  },
  {
    what: 'is told that no election is needed',
    tool: [`${TOOLS}.LeaderElectionCommand`, '--election-type', 'preferred', '--topic', 'operated', '--partition', '0'],
    code: 0,
    says: /Valid replica already elected for partitions operated-0/,
  },
  {
    what: 'elects for all partitions',
    tool: [`${TOOLS}.LeaderElectionCommand`, '--election-type', 'unclean', '--all-topic-partitions'],
    code: 0,
  },
  {
    what: 'reassigns a partition to where it is',
    tool: [`${TOOLS}.reassign.ReassignPartitionsCommand`, '--execute', '--reassignment-json-file', 'FILES/same.json'],
    code: 0,
    says: /Successfully started partition reassignment for operated-0/,
  },
  {
    what: 'verifies the reassignment',
    tool: [`${TOOLS}.reassign.ReassignPartitionsCommand`, '--verify', '--reassignment-json-file', 'FILES/same.json'],
    code: 0,
    says: /Reassignment of partition operated-0 is completed/,
  },
  {
    what: 'is told that there is no such broker',
    tool: [
      `${TOOLS}.reassign.ReassignPartitionsCommand`,
      '--execute',
      '--reassignment-json-file',
      'FILES/stranger.json',
    ],
    code: 1,
    says: /Unknown broker id 9/,
  },
  {
    what: 'lists reassignments',
    tool: [`${TOOLS}.reassign.ReassignPartitionsCommand`, '--list'],
    code: 0,
    says: /No partition reassignments found/,
  },
  {
    what: 'describes log directories',
    tool: [`${TOOLS}.LogDirsCommand`, '--describe', '--topic-list', 'operated'],
    code: 0,
    says: /"partition":"operated-0"[^}]*"offsetLag":0/,
  },
  {
    what: 'describes the quorum',
    tool: [`${TOOLS}.MetadataQuorumCommand`, 'describe', '--status'],
    bootstrap: 'first',
    code: 0,
    says: /LeaderId:\s+1[\s\S]*CurrentVoters:[\s\S]*"id": 1[\s\S]*CurrentObservers:\s+\[\]/,
  },
  {
    what: 'describes the replication of the quorum',
    tool: [`${TOOLS}.MetadataQuorumCommand`, 'describe', '--replication'],
    bootstrap: 'first',
    code: 0,
    says: /^1\s.*Leader/m,
  },
  {
    what: 'tells the id of the cluster',
    tool: [`${TOOLS}.ClusterTool`, 'cluster-id'],
    code: 0,
    says: /Cluster ID: [\w-]{22}/,
  },
  {
    what: 'lists the endpoints of brokers',
    tool: [`${TOOLS}.ClusterTool`, 'list-endpoints'],
    code: 0,
    says: /^1\s+127\.0\.0\.1\s+\d+/m,
  },
  {
    what: 'is told that a broker is not registered',
    tool: [`${TOOLS}.ClusterTool`, 'unregister', '--id', '7'],
    code: 1,
    says: /Broker ID 7 is not currently registered/,
  },
  {
    what: 'describes topics with what they set',
    tool: [`${TOOLS}.TopicCommand`, '--describe', '--topic', 'operated'],
    code: 0,
    says: /Topic: operated\s+TopicId: [\w-]{22}\s+PartitionCount: 2\s+ReplicationFactor: 1\s+Configs: .*retention\.ms=1234567/,
  },
  {
    what: 'describes topics that set something',
    tool: [`${TOOLS}.TopicCommand`, '--describe', '--topics-with-overrides'],
    code: 0,
    says: /Topic: operated/,
  },
  {
    what: 'finds no partition without enough replicas',
    tool: [`${TOOLS}.TopicCommand`, '--describe', '--under-min-isr-partitions'],
    code: 0,
    saysNot: /Topic: operated/,
  },
  {
    what: 'sends a token away',
    tool: [`${TOOLS}.DelegationTokenCommand`, '--describe', '--command-config', 'FILES/client.properties'],
    code: 1,
    says: /Delegation Token requests are not allowed/,
  },
]

const assignment = (replicas: number[]) =>
  JSON.stringify({ version: 1, partitions: [{ topic: 'operated', partition: 0, replicas }] })

describe.each(clientGrounds)('operators', (ground) => {
  const reason = unavailable() ?? ground.reason
  describe.skipIf(reason)(title(`Kafka's tools for operators on ${ground.name}`, reason), () => {
    let cluster: RunningGround
    let files: string
    let printed: readonly { readonly code: number; readonly text: string }[]

    beforeAll(async () => {
      files = mkdtempSync(join(tmpdir(), 'operator-tools-'))
      writeFileSync(join(files, 'same.json'), assignment([1]))
      writeFileSync(join(files, 'stranger.json'), assignment([9]))
      writeFileSync(join(files, 'client.properties'), 'request.timeout.ms=5000\ndefault.api.timeout.ms=10000\n')
      cluster = await ground.start()
      await cluster.createTopic('operated', 2, { 'retention.ms': '1234567' })
      const input = cases.map(({ tool, bootstrap }) => {
        const [name, ...args] = tool.map((word) => word.replace('FILES', files))
        const at = ['--bootstrap-server', cluster.bootstrap]
        return [name, ...(bootstrap === 'first' ? [...at, ...args] : [...args, ...at])].join('\t')
      })
      const program = new URL('../java/RunTools.java', import.meta.url).pathname
      const options = { input: `${input.join('\n')}\n`, timeoutMs: groundMs - 20_000 }
      const { stdout, stderr } = await runExternal('java', javaArguments(program, []), options)
      printed = stdout
        .split(/^### /m)
        .slice(1)
        .map((text) => ({ code: Number.parseInt(text, 10), text: text.slice(text.indexOf('\n') + 1) }))
      if (printed.length !== cases.length) throw new Error(`${printed.length} tools ended: ${stderr}\n${stdout}`)
    }, groundMs)

    afterAll(async () => {
      await cluster?.stop()
      rmSync(files, { recursive: true, force: true })
    })

    it.each(cases.map((one, index) => [one.what, one, index] as const))(
      '%s',
      (_what, { code, says, saysNot }, index) => {
        const { text } = printed[index]!
        expect({ code: printed[index]!.code, text }).toEqual({ code, text })
        if (says) expect(text).toMatch(says)
        if (saysNot) expect(text).not.toMatch(saysNot)
      },
    )
  })
})
