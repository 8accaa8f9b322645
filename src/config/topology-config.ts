// The file of `heliostat broker`: clusters of embedded brokers.
import { z } from 'zod'
import { clusterName } from './fields.ts'

const port = z.number().int().min(0).max(65_535)

export const topologyConfigSchema = z.strictObject({
  version: z.literal(1),
  clusters: z.record(
    clusterName,
    z.strictObject({
      brokers: z
        .literal(1, { error: 'a cluster has 1 broker; replication between brokers is not there yet' })
        .default(1),
      datacenter: z.string().min(1).optional().describe('Where it stands, for people'),
      port: port.default(0).describe('0 takes a free one'),
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
})

export type TopologyConfig = z.output<typeof topologyConfigSchema>
