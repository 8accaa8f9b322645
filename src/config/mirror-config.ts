// The file of `heliostat run`: every field once, with its type, default and sentence. The parser, the lint and the JSON
// Schema come from here.
import { z } from 'zod'
import {
  address,
  clusterName,
  duration,
  endpointUrl,
  patterns,
  redisUrl,
  rename,
  saslExtensions,
  secret,
  size,
} from './fields.ts'

const aboveZero = { error: 'must be a number above 0' }
const threads = { error: 'must be a whole number from 1 to 64, or auto' }
/** Also as text, which is what a variable of the environment gives. */
const threadCount = z.number(threads).int(threads).min(1, threads).max(64, threads)
const replicas = { error: 'must be a whole number from 1 to 32767' }

const tls = z.strictObject({
  ca: secret.optional().describe('Certificates to trust; by default those of the machine'),
  cert: secret.optional().describe('Client certificate, for mutual TLS'),
  key: secret.optional().describe('Its private key'),
  serverName: z.string().optional().describe('The name its certificate must carry; by default the host dialled'),
})

const tokenEndpoint = z.strictObject({
  url: endpointUrl.describe('https://…, as in sasl.oauthbearer.token.endpoint.url; http:// on this machine only'),
  clientId: z.string().min(1),
  clientSecret: secret,
  scope: z.string().min(1).optional(),
  ca: secret.optional().describe('Certificates to trust there; by default those of the machine'),
  headerUrlencode: z
    .boolean()
    .default(false)
    .describe('Client id and secret URL-encoded, as RFC 6749 has it; Kafka sends them as they are'),
})

const sasl = z.discriminatedUnion('mechanism', [
  z.strictObject({
    mechanism: z.enum(['plain', 'scram-sha-256', 'scram-sha-512']),
    username: z.string().min(1),
    password: secret,
  }),
  z
    .strictObject({
      mechanism: z.literal('oauthbearer'),
      token: secret.optional().describe('A token as it is; from a file it is read anew for every login'),
      tokenEndpoint: tokenEndpoint
        .optional()
        .describe('Instead of token: where tokens are to be had for the credentials of a client (KIP-768)'),
      extensions: saslExtensions.optional().describe('SASL extensions (KIP-342)'),
    })
    .refine(({ token, tokenEndpoint }) => (token === undefined) !== (tokenEndpoint === undefined), {
      error: 'oauthbearer takes either token or tokenEndpoint',
    }),
])

const limits = z.strictObject({
  bytesPerSecond: size
    .refine((bytes) => bytes > 0, { error: 'must be above 0B' })
    .describe('Of record batches, as they are compressed'),
})

const cluster = z.strictObject({
  bootstrap: z.array(address).min(1).describe('Some of its brokers, host:port; the others are learnt from them'),
  location: z.string().optional().describe('Where it stands, for people'),
  rack: z
    .string()
    .min(1)
    .optional()
    .describe(
      'The rack of this cluster that heliostat stands in: followers there are read instead of leaders elsewhere',
    ),
  limits: limits.optional().describe('For all that is read from it and written to it, by all mirrors together'),
  tls: z.union([z.boolean(), tls]).optional().describe('true, or certificates'),
  sasl: sasl.optional(),
})

const filter = (include: string[], exclude: string[]) =>
  z.strictObject({
    include: patterns
      .default(include)
      .describe("Whole-string regular expressions in Java's dialect; an exact name always wins"),
    exclude: patterns.default(exclude).describe('The same; exclusion wins over patterns'),
  })

const naming = z.union([z.enum(['prefix', 'identity']), z.strictObject({ rename })])

const start = z.union([
  z.enum(['earliest', 'latest']),
  z.strictObject({
    timestamp: z.iso.datetime({ offset: true, error: 'write a time such as 2026-01-31T12:00:00Z' }),
  }),
])

const every = duration.default(30_000).describe('How often')

const commitInterval = duration.refine((ms) => ms >= 10 && ms <= 30_000, {
  error: 'must be from 10ms to 30s: brokers abort what stays open for long',
})

const topicConfigs = z.strictObject({
  exclude: patterns
    .optional()
    .describe("Whole-string regular expressions of configs to leave alone; by default MirrorMaker's list"),
  useDefaultsFrom: z
    .enum(['source', 'target'])
    .default('target')
    .describe('What a copy gets for a config that is not set at the source'),
  every,
})

const mirror = z.strictObject({
  name: z.string().min(1).optional().describe('By default from->to'),
  from: z.string().describe('The source cluster'),
  to: z.string().describe('The target cluster'),
  progress: z
    .string()
    .regex(/^[A-Za-z0-9_-]+$/, { error: 'a word of letters, digits, - and _, since it becomes part of a topic name' })
    .optional()
    .describe(
      'Of several mirrors between two clusters, all but one keep their progress under a word of their own; to change it is to start anew',
    ),
  topics: filter(['.*'], []).prefault({}),
  groups: filter(['.*'], ['console-consumer-.*', 'connect-.*', '__.*']).prefault({}),
  naming: naming
    .default('prefix')
    .describe('prefix (east.orders), identity (orders), or { rename: { match, replace } }'),
  separator: z
    .string()
    .regex(/^[._-]+$/, { error: 'a separator is made of . _ -' })
    .default('.')
    .describe('Between the source and the topic in prefixed names'),
  delivery: z
    .union([
      z.enum(['exactly-once', 'transactional']),
      z.strictObject({ transactional: z.strictObject({ commitInterval: commitInterval.default(1_000) }) }),
    ])
    .default('exactly-once')
    .describe(
      'exactly-once: by producer sequences, no transactions; transactional, or { transactional: { commitInterval: 1s } }: records and progress in transactions, for target topics that others write to as well. Cannot be taken back',
    ),
  isolation: z.enum(['read_committed', 'read_uncommitted']).default('read_committed'),
  start: start.default('earliest').describe('Where topics with no progress yet begin'),
  startByTopic: z
    .array(z.strictObject({ topics: patterns, start }))
    .default([])
    .describe('Other beginnings for some topics; the first that names the topic counts, else `start`'),
  heartbeats: z
    .enum(['target', 'both'])
    .default('target')
    .describe(
      'Where heartbeats are written; `both` writes them at the source too, as MirrorMaker does, so that they cross and tell hops',
    ),
  onDataLoss: z
    .enum(['stop', 'skip', 'restart'])
    .default('stop')
    .describe('What a partition does when source records are gone before they were mirrored; always reported'),
  takeOver: z
    .literal('mirrormaker')
    .optional()
    .describe(
      'Goes on with copies that MirrorMaker 2 made, where they end, once it is stopped; by default they are left alone',
    ),
  sync: z
    .strictObject({
      topicConfigs: z
        .union([z.boolean(), topicConfigs])
        .default(true)
        .describe('Copies get the configs of their source, and follow when they change'),
      acls: z
        .union([z.boolean(), z.strictObject({ every })])
        .default(false)
        .describe('Copies get the access rules of their source, never wider; only rules made by the flow are removed'),
      groupOffsets: z
        .boolean()
        .default(true)
        .describe('Translated offsets are committed to groups that are idle on the target'),
      deletes: z
        .union([z.boolean(), z.strictObject({ after: duration })])
        .default(false)
        .describe('Copies are deleted when their source has been gone for a while: an hour, or as said by after'),
    })
    .prefault({}),
  refresh: duration
    .default(5_000)
    .describe('Within how long new topics and partitions are found, and their copies made'),
  buffer: size.default(32 * 2 ** 20).describe('Bytes fetched and not yet acknowledged, at most'),
  limits: limits.optional().describe('For this mirror, whatever the number of instances'),
  rpo: z
    .strictObject({
      seconds: z.number().positive(aboveZero).default(10),
      records: z.number().int(aboveZero).positive(aboveZero).default(100_000),
    })
    .prefault({})
    .describe('The objective that alerts compare with'),
  replicationFactor: z
    .union([z.enum(['source', 'target-default']), z.number().int(replicas).min(1, replicas).max(32_767, replicas)])
    .default('source'),
})

export const mirrorConfigSchema = z.strictObject({
  version: z.literal(1),
  clusters: z.record(clusterName, cluster),
  mirrors: z.array(mirror).min(1, { error: 'must hold at least one mirror' }),
  queue: z
    .strictObject({
      redis: redisUrl.describe('redis://[user:password@]host:port[/db]; rediss: for TLS. Redis 6.2 or newer'),
      tls: tls.optional().describe('With rediss: certificates, where those of the machine do not do'),
      prefix: z
        .string()
        .regex(/^[A-Za-z0-9_-]+$/, { error: 'a prefix is letters, digits, - and _' })
        .default('heliostat')
        .describe('Of its keys; deployments that share a Redis and no work have different ones'),
    })
    .optional()
    .describe('A Redis on which instances share background jobs; without it each runs them itself'),
  server: z
    .strictObject({
      listen: address.default({ host: '127.0.0.1', port: 8642 }).describe('Beyond loopback it takes tls and tokens'),
      tls: z
        .strictObject({ cert: secret, key: secret })
        .optional()
        .describe('https: its certificate, with the chain, and the private key'),
      tokens: z
        .array(secret)
        .default([])
        .describe('Bearer tokens; when there are any, every /api call needs one, and beyond loopback /metrics, too'),
    })
    .prefault({}),
  workers: z
    .union(
      [z.literal('auto'), threadCount, z.string().regex(/^\d+$/, threads).transform(Number).pipe(threadCount)],
      threads,
    )
    .default(1)
    .describe('Threads that records pass through; auto: one less than the machine has cores, at most 4'),
  compat: z
    .strictObject({
      mm2Topics: z
        .boolean()
        .default(true)
        .describe('Write the checkpoints, heartbeats and offset-syncs topics of MirrorMaker 2'),
      mm2Metrics: z
        .boolean()
        .default(false)
        .describe('Metrics by the names of MirrorMaker 2 beside ours, one series for each partition'),
    })
    .prefault({}),
})

export type MirrorConfigFile = z.output<typeof mirrorConfigSchema>
