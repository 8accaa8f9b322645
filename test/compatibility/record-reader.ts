// Reads whole topics as a read_committed consumer sees them: through Kafka's own consumer where there is a JVM, so that the
// judge shares no code with the mirror; else through our client.
import { join } from 'node:path'
import type { ClusterClient } from '../../src/client/cluster-client.ts'
import { type SeenRecord, seenOf } from '../oracle/seen-record.ts'
import { javaArguments, unavailable } from '../support/apache-kafka.ts'
import { runExternal } from '../support/external-process.ts'
import { readAll } from '../support/log-content.ts'

/** By `topic-partition`; a partition without records has no entry. */
export type SeenTopics = ReadonlyMap<string, readonly SeenRecord[]>

/** Runs one of the programs in test/compatibility/java on Kafka's classpath. */
export async function runJava(program: string, args: readonly string[]): Promise<string> {
  const source = join(import.meta.dirname, 'java', `${program}.java`)
  const { code, stdout, stderr } = await runExternal('java', javaArguments(source, args), { timeoutMs: 120_000 })
  if (code !== 0) throw new Error(`${program} ended with ${code}\n${stderr.slice(-4000)}`)
  return stdout
}

export async function readTopics(
  client: ClusterClient,
  bootstrap: string,
  topics: readonly string[],
): Promise<SeenTopics> {
  return unavailable() ? readWithOurClient(client, topics) : parse(await runJava('ReadTopics', [bootstrap, ...topics]))
}

function parse(printed: string): SeenTopics {
  const seen = new Map<string, SeenRecord[]>()
  for (const line of printed.split('\n')) {
    if (line === '') continue
    const [topic, partition, offset, ...content] = line.split('\t')
    const all = content.join(' ').trim()
    listOf(seen, `${topic}-${partition}`).push({ offset: Number(offset), id: all, content: all })
  }
  return seen
}

async function readWithOurClient(client: ClusterClient, topics: readonly string[]): Promise<SeenTopics> {
  const seen = new Map<string, SeenRecord[]>()
  await client.refresh()
  for (const topic of topics)
    for (const { partitionIndex: partition } of client.topics().get(topic)!.partitions) {
      const records = seenOf(await readAll(client, topic, partition))
      if (records.length > 0) seen.set(`${topic}-${partition}`, records)
    }
  return seen
}

function listOf(seen: Map<string, SeenRecord[]>, partition: string): SeenRecord[] {
  const list = seen.get(partition) ?? []
  seen.set(partition, list)
  return list
}
