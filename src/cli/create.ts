import { exitCode } from './exit-code.ts'

export interface CreateOptions {
  readonly from: string
  readonly to: string
}

/** Prints a configuration to start from: what must be said is set, what may be said is a comment with its default. */
export function create({ from, to }: CreateOptions): number {
  process.stdout.write(`# heliostat run FILE. Check it first, without a network: heliostat lint FILE
version: 1

clusters:
  ${from}:
    bootstrap: [127.0.0.1:9092]
    # location: Virginia
    # tls: true                        # or { ca: { file: ca.pem }, cert: { file: … }, key: { file: … } }
    # sasl: { mechanism: scram-sha-512, username: mirror, password: \${${variable(from)}_PASSWORD} }   # oauthbearer: docs/operating.md
  ${to}:
    bootstrap: [127.0.0.1:9192]

mirrors:
  - from: ${from}
    to: ${to}
    topics: { include: [".*"], exclude: [] }      # whole-string regular expressions
    groups: { include: [".*"], exclude: ["console-consumer-.*", "connect-.*", "__.*"] }
    naming: prefix                     # orders becomes ${from}.orders; identity keeps names
    # start: earliest                  # latest, or { timestamp: 2026-01-31T12:00:00Z }
    # startByTopic: [{ topics: "audit.*, billing", start: latest }]
    # heartbeats: target               # both: at the source too, so that hops can be counted
    # onDataLoss: stop                 # skip, restart: for a partition whose source records are gone unmirrored
    # takeOver: mirrormaker            # copies that MirrorMaker 2 made are gone on with where they end
    # isolation: read_committed
    # replicationFactor: source        # target-default, or a number
    # sync: { topicConfigs: true, acls: false, groupOffsets: true, deletes: false }
    # limits: { bytesPerSecond: 100MiB }
    # refresh: 5s
    # rpo: { seconds: 10, records: 100000 }

# queue: { redis: redis://127.0.0.1:6379 }   # instances share background jobs
# server: { listen: 127.0.0.1:8642 }   # dashboard, /metrics, /healthz, /api/v1
# workers: 1                                 # threads that records pass through; auto: by the number of cores
# compat: { mm2Topics: true, mm2Metrics: false }   # checkpoints, heartbeats and offset-syncs as MirrorMaker 2 writes them
`)
  return exitCode.ok
}

const variable = (name: string) => name.toUpperCase().replaceAll('-', '_')
