// What the questions about brokers share: a data directory that goes with the run, and Kafka's own perf tools with their figures.
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type KafkaTool, runKafkaTool } from '../../test/support/apache-kafka.ts'
import type { BrokerContestant, RunningBroker } from './brokers.ts'
import type { Figures } from './report.ts'

/** Runs a broker on a new data directory for as long as `during` takes. */
export async function withBroker(
  contestant: BrokerContestant,
  during: (broker: RunningBroker, directory: string) => Promise<Figures>,
): Promise<Figures> {
  const directory = mkdtempSync(join(tmpdir(), 'heliostat-bench-'))
  const remove = () => rmSync(directory, { recursive: true, force: true })
  process.once('exit', remove)
  try {
    const broker = await contestant.start(directory)
    try {
      return await during(broker, directory)
    } finally {
      await broker.stop()
    }
  } finally {
    remove()
    process.off('exit', remove)
  }
}

/** Runs one of Kafka's tools against the broker and returns what it printed. */
export function runTool(broker: RunningBroker, tool: KafkaTool, args: readonly (string | number)[]): Promise<string> {
  return runToolAt(broker.bootstrap, tool, args)
}

/** The same against brokers that are known by their addresses. */
export async function runToolAt(
  bootstrap: string,
  tool: KafkaTool,
  args: readonly (string | number)[],
): Promise<string> {
  const result = await runKafkaTool(tool, ['--bootstrap-server', bootstrap, ...args.map(String)], {
    timeoutMs: 600_000,
    jvm: ['-Xms512m', '-Xmx512m', '-XX:+UseG1GC'],
  })
  if (result.code !== 0) throw new Error(`${tool} ended with ${result.code}\n${result.stdout}${result.stderr}`)
  return result.stdout
}

export function createTopic(broker: RunningBroker, topic: string, partitions: number): Promise<string> {
  return runTool(broker, 'kafka-topics', ['--create', '--topic', topic, '--partitions', partitions])
}

/** With three replicas. */
export function createReplicated(
  { bootstrap }: { readonly bootstrap: string },
  topic: string,
  partitions: number,
): Promise<string> {
  const size = ['--partitions', partitions, '--replication-factor', 3]
  return runToolAt(bootstrap, 'kafka-topics', ['--create', '--topic', topic, ...size])
}

const MIB = 1_048_576 / 1e6

/** Of the perf tool's last line: "… records sent, … records/sec (123.45 MB/sec), …"; its MB are MiB. */
export function producedMbPerSecond(output: string): number {
  const found = [...output.matchAll(/records\/sec \(([\d.]+) MB\/sec\)/g)].at(-1)
  if (!found) throw new Error(`no figure in ${output}`)
  return Number(found[1]) * MIB
}
