// A Kafka Streams application with exactly-once v2 that is killed in the middle of its work: every word is counted once.
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { ClusterClient } from '../../../src/client/cluster-client.ts'
import { buildBatch } from '../../../src/records/batch-builder.ts'
import { applicationArguments, whyNoApplications } from '../../support/apache-kafka.ts'
import { ExternalProcess } from '../../support/external-process.ts'
import { appendBatch, clientOf, readAll, until } from '../../support/log-content.ts'
import { clientGrounds, lacking, type RunningGround, title } from '../ground.ts'
import { compiledJava } from '../programs/java.ts'

const caseMs = 180_000
const settleMs = 60_000
const partitions = 2
const words = ['to', 'be', 'or', 'not', 'that', 'is', 'the', 'question']
const quick = {
  'group.min.session.timeout.ms': 1000,
  'transaction.abort.timed.out.transaction.cleanup.interval.ms': 300,
}

const classes = await compiledJava('streams', 'kafka-applications')

describe.each(clientGrounds)('Kafka Streams', (ground) => {
  const reason = whyNoApplications() ?? classes.reason ?? ground.reason ?? lacking(ground, 'transactions')
  describe.skipIf(reason)(title(`Kafka Streams on ${ground.name}`, reason), () => {
    let cluster: RunningGround
    let client: ClusterClient
    let application: ExternalProcess | undefined
    const directories: string[] = []
    const truth = new Map<string, number>()

    beforeAll(async () => {
      cluster = await ground.start(quick)
      await cluster.createTopic('lines', partitions)
      await cluster.createTopic('counts', partitions)
      client = clientOf(cluster.bootstrap)
      await client.refresh()
    }, 60_000)

    afterAll(async () => {
      await application?.kill()
      client?.close()
      await cluster?.stop()
      for (const directory of directories) rmSync(directory, { recursive: true, force: true })
    })

    async function start(state: string): Promise<ExternalProcess> {
      const args = [cluster.bootstrap, state, 'lines', 'counts']
      const started = new ExternalProcess('java', applicationArguments('WordCount', args, [classes.folder!]))
      application = started
      await started.until(({ stdout }) => stdout.includes('RUNNING'), 'it runs')
      return started
    }

    function newDirectory(): string {
      const directory = mkdtempSync(join(tmpdir(), 'heliostat-streams-'))
      directories.push(directory)
      return directory
    }

    async function write(lines: number): Promise<void> {
      for (let line = 0; line < lines; line++) {
        const said = Array.from({ length: 1 + (line % 5) }, (_, at) => words[(line * 3 + at) % words.length]!)
        for (const word of said) truth.set(word, (truth.get(word) ?? 0) + 1)
        const batch = buildBatch([{ timestamp: Date.now(), key: null, value: said.join(' ') }])
        await appendBatch(client, 'lines', line % partitions, batch)
      }
    }

    /** The counts of each word in the order in which readers of committed data see them. */
    async function counted(): Promise<Map<string, number[]>> {
      const seen = new Map<string, number[]>()
      for (let partition = 0; partition < partitions; partition++)
        for (const { key, value } of await readAll(client, 'counts', partition)) {
          const word = key!.toString()
          seen.set(word, [...(seen.get(word) ?? []), Number(value)])
        }
      return seen
    }

    const total = (counts: ReadonlyMap<string, readonly number[]>) => [...counts.values()].flat().length
    const written = () => [...truth.values()].reduce((sum, count) => sum + count, 0)

    async function untilCounted(wanted: () => number): Promise<void> {
      let seen = 0
      await until(
        async () => {
          seen = total(await counted())
          return seen >= wanted()
        },
        () => `${seen} of ${wanted()} words are counted\n${application?.stdout.slice(-2000)}`,
        settleMs,
      )
    }

    it(
      'counts every word once, though it is killed twice, once with its state',
      async () => {
        const state = newDirectory()
        const first = await start(state)
        await write(100)
        await untilCounted(() => 20)
        await first.kill()
        await write(100)
        const second = await start(state)
        await untilCounted(() => written() / 2)
        await second.kill()
        // Without its directory it has to read the changelog, and comes under another transactional id.
        const third = await start(newDirectory())
        await write(100)
        await untilCounted(written)
        await third.kill('SIGTERM')
        const seen = await counted()
        for (const [word, count] of truth)
          expect([word, seen.get(word)]).toEqual([word, Array.from({ length: count }, (_, at) => at + 1)])
        expect([...seen.keys()].sort()).toEqual([...truth.keys()].sort())
      },
      caseMs,
    )
  })
})
