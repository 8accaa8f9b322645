// A standalone Connect worker with Kafka's own file connectors: a file goes through a topic into another file.
import { appendFileSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Admin, Kafka, logLevel } from 'kafkajs'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { applicationArguments, whyNoApplications } from '../../support/apache-kafka.ts'
import { ExternalProcess } from '../../support/external-process.ts'
import { until } from '../../support/log-content.ts'
import { clientGrounds, type RunningGround, title } from '../ground.ts'

const caseMs = 120_000
const settleMs = 40_000
const mainClass = 'org.apache.kafka.connect.cli.ConnectStandalone'

describe.each(clientGrounds)('Kafka Connect', (ground) => {
  const reason = whyNoApplications() ?? ground.reason
  describe.skipIf(reason)(title(`Kafka Connect on ${ground.name}`, reason), () => {
    let cluster: RunningGround
    let admin: Admin
    let worker: ExternalProcess | undefined
    let directory: string

    beforeAll(async () => {
      directory = mkdtempSync(join(tmpdir(), 'heliostat-connect-'))
      cluster = await ground.start({ 'group.min.session.timeout.ms': 1000 })
      await cluster.createTopic('connected', 1)
      admin = new Kafka({ brokers: cluster.bootstrap.split(','), logLevel: logLevel.NOTHING }).admin()
      await admin.connect()
    }, 60_000)

    afterAll(async () => {
      await worker?.kill()
      await admin?.disconnect()
      await cluster?.stop()
      rmSync(directory, { recursive: true, force: true })
    })

    const path = (name: string) => join(directory, name)

    function propertiesOf(name: string, properties: Readonly<Record<string, string | number>>): string {
      const lines = Object.entries(properties).map(([key, value]) => `${key}=${value}\n`)
      writeFileSync(path(name), lines.join(''))
      return path(name)
    }

    function start(): ExternalProcess {
      const converter = 'org.apache.kafka.connect.storage.StringConverter'
      const files = [
        propertiesOf('worker.properties', {
          'bootstrap.servers': cluster.bootstrap,
          'key.converter': converter,
          'value.converter': converter,
          'offset.storage.file.filename': path('offsets'),
          'offset.flush.interval.ms': 200,
          'plugin.discovery': 'service_load',
          listeners: 'http://127.0.0.1:0',
          'consumer.session.timeout.ms': 3000,
          'consumer.heartbeat.interval.ms': 300,
        }),
        propertiesOf('source.properties', {
          name: 'file-source',
          'connector.class': 'FileStreamSource',
          'tasks.max': 1,
          file: path('from.txt'),
          topic: 'connected',
        }),
        propertiesOf('sink.properties', {
          name: 'file-sink',
          'connector.class': 'FileStreamSink',
          'tasks.max': 1,
          file: path('to.txt'),
          topics: 'connected',
        }),
      ]
      worker = new ExternalProcess('java', applicationArguments(mainClass, files))
      return worker
    }

    const lines = (name: string) => readFileSync(path(name), 'utf8').split('\n').filter(Boolean)
    const append = (from: number, to: number) => {
      for (let line = from; line < to; line++) appendFileSync(path('from.txt'), `line ${line}\n`)
    }

    /** Resolves when the sink has written this many lines and committed its offsets, and the source its own. */
    async function settled(count: number): Promise<void> {
      let seen = ''
      await until(
        async () => {
          const [group] = await admin.fetchOffsets({ groupId: 'connect-file-sink', topics: ['connected'] })
          const there = lines('to.txt').length
          // A map of Java's: the positions are told in JSON between its own marks.
          const offsets = existsSync(path('offsets')) ? readFileSync(path('offsets'), 'latin1') : ''
          const position = Number(/"position":(\d+)/.exec(offsets)?.[1] ?? -1)
          seen = `${there} lines, committed ${group?.partitions[0]?.offset}, position ${position}`
          const size = readFileSync(path('from.txt')).length
          return there >= count && group?.partitions[0]?.offset === String(count) && position === size
        },
        () => `${seen}; wanted ${count}\n${worker?.stdout.slice(-3000)}`,
        settleMs,
      )
    }

    it(
      'carries each line of a file once, also those that came while its worker was dead',
      async () => {
        writeFileSync(path('from.txt'), '')
        writeFileSync(path('to.txt'), '')
        append(0, 50)
        const first = start()
        await until(
          () => lines('to.txt').length === 50,
          () => `${lines('to.txt').length} lines\n${first.stdout.slice(-3000)}`,
          settleMs,
        )
        append(50, 100)
        await settled(100)
        await first.kill()
        append(100, 150)
        start()
        await settled(150)
        expect(lines('to.txt')).toEqual(Array.from({ length: 150 }, (_, line) => `line ${line}`))
        const [ends] = await admin.fetchTopicOffsets('connected')
        expect(ends?.offset).toBe('150')
        const { groups } = await admin.describeGroups(['connect-file-sink'])
        expect(groups[0]).toMatchObject({ state: 'Stable', protocolType: 'consumer' })
      },
      caseMs,
    )
  })
})
