// The file of `heliostat broker`: clusters of embedded brokers, and the links between their datacenters.
import { z } from 'zod'
import { bandwidth, clusterName, duration } from './fields.ts'

const datacenter = z.string().regex(/^[A-Za-z0-9][\w.-]*$/, {
  error: 'the name of a datacenter is letters, digits, ., - and _',
})
const BROKERS_MAX = 1000
const port = z.number().int().min(0).max(65_535)

export const topologyConfigSchema = z.strictObject({
  version: z.literal(1),
  clusters: z.record(
    clusterName,
    z.strictObject({
      brokers: z
        .number()
        .int()
        .min(1, 'a cluster has at least 1 broker')
        .max(BROKERS_MAX, `a cluster has at most ${BROKERS_MAX} brokers`)
        .default(1)
        .describe('How many; their ids count from 1'),
      racks: z
        .array(z.string().min(1))
        .optional()
        .describe('Racks that the brokers stand in, one after the other and round again'),
      internalPort: port
        .optional()
        .describe('The first port on which the brokers meet; absent: free ones, with --node 10000 above port'),
      secret: z
        .string()
        .min(1)
        .optional()
        .describe(
          'What brokers with --node log in with where they meet: ${EAST_SECRET}; needed with listeners or an authorizer',
        ),
      datacenter: datacenter.optional().describe('Where it stands: clients in another one reach it through a link'),
      port: port.default(0).describe('Of the first broker, the others run on; 0 takes free ones'),
      via: z
        .record(datacenter, port)
        .default({})
        .describe('The first port for clients of another datacenter; absent: a free one'),
      data: z.string().optional().describe('The directory of its logs; absent: in memory'),
      config: z
        .record(z.string(), z.union([z.string(), z.number(), z.boolean()]))
        .default({})
        .describe("Kafka's own broker properties"),
      allowInsecure: z
        .boolean()
        .default(false)
        .describe('Lets listeners without TLS (PLAINTEXT, SASL_PLAINTEXT) leave this machine'),
      addScram: z
        .array(z.string())
        .optional()
        .describe('SCRAM users to start with: SCRAM-SHA-256=[name=alice,password=${ALICE_PASSWORD}]'),
    }),
  ),
  links: z
    .record(
      z.string(),
      z.strictObject({
        latency: duration.optional().describe('One way'),
        jitter: duration.optional().describe('The latency is off by up to so much, earlier or later'),
        bandwidth: bandwidth
          .refine((bits) => bits >= 1_000, 'a link has at least 1kbit')
          .optional()
          .describe('Each way, for all connections together'),
      }),
    )
    .default({})
    .describe(
      'By virginia<->oregon, or virginia->oregon for one way; a link that is not named has no delay and no limit',
    ),
})

export type TopologyConfig = z.output<typeof topologyConfigSchema>

/** As `startTopology` takes it. */
export function topologyPlan({ clusters, links }: TopologyConfig) {
  const speeds = Object.entries(links).map(([name, { latency, jitter, bandwidth }]) => {
    return [name, { latencyMs: latency, jitterMs: jitter, bitsPerSecond: bandwidth }] as const
  })
  return { clusters, links: Object.fromEntries(speeds) }
}
