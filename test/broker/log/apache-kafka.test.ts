// Folders go both ways between Apache Kafka and us: its tools read what we wrote, we open what it wrote, and it goes on with that.

import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { nodeDisk } from '../../../src/platform/node-disk.ts'
import { title } from '../../compatibility/ground.ts'
import { ApacheKafka, runKafkaTool, unavailable } from '../../support/apache-kafka.ts'
import { append, batchOf, filler, marker, NOW, openLog, readAll, values } from './log-fixture.ts'

const reason = unavailable()

describe.skipIf(reason !== undefined)(title('with Apache Kafka', reason), { timeout: 120_000 }, () => {
  let directory: string
  beforeAll(() => {
    directory = mkdtempSync(join(tmpdir(), 'heliostat-folder-'))
  })
  afterAll(() => {
    rmSync(directory, { recursive: true, force: true })
  })

  it('our segments, indexes, snapshots and transaction indexes are sound to kafka-dump-log', async () => {
    const folder = join(directory, 'orders-0')
    const config = { compact: true, delete: false, segmentBytes: 4000, indexIntervalBytes: 200 }
    const log = openLog({ disk: nodeDisk(), directory: folder, config })
    const producer = { producerId: 9, producerEpoch: 0, transactional: true }
    for (let index = 0; index < 60; index++) {
      const value = index % 5 === 4 ? null : `v${index}`.padEnd(100, '.')
      append(
        log,
        batchOf([{ key: `k${index % 7}`, value, timestamp: NOW + index }], {
          compression: index % 2 ? 'gzip' : 'none',
        }),
      )
      if (index % 10 === 3)
        append(log, batchOf([{ key: 'tx', value: 'tx' }], { ...producer, baseSequence: Math.floor(index / 10) }))
      if (index % 10 === 6) marker(log, index % 20 === 6 ? 'abort' : 'commit', 9)
    }
    log.compact(NOW)
    for (let index = 0; index < 60; index++)
      append(log, batchOf([{ key: `k${index}`, value: 'more'.padEnd(100, '.'), timestamp: NOW + 100 + index }]))
    append(log, batchOf([{ key: 'tx', value: 'tx' }], { ...producer, baseSequence: 6 }))
    marker(log, 'abort', 9)
    log.close()
    const names = readdirSync(folder).filter((name) => /\.(log|index|timeindex|txnindex|snapshot)$/.test(name))
    expect(names.length).toBeGreaterThan(15)
    const dump = (...args: string[]) =>
      runKafkaTool('kafka-dump-log', [...args, '--files', names.map((name) => join(folder, name)).join(',')], {
        timeoutMs: 60_000,
      })
    const whole = await dump('--deep-iteration')
    const sanity = await dump('--index-sanity-check')
    for (const { code, stdout, stderr } of [whole, sanity]) {
      expect(stderr).not.toMatch(/Exception|WARN|ERROR/)
      expect(stdout).not.toMatch(
        /mismatch|Mismatch|isn't|Misaligned|Could not|corrupt|isvalid: false|out of order|beyond/i,
      )
      expect(code).toBe(0)
    }
    expect(whole.stdout.match(/isvalid: true/g)!.length).toBeGreaterThan(70)
    expect(whole.stdout).toMatch(/producerId: 9 firstOffset: \d+ lastOffset: \d+/)
    expect(whole.stdout).toMatch(/deleteHorizonMs: OptionalLong\[/)
    expect(sanity.stdout.match(/passed sanity check|is empty/g)!.length).toBe(
      names.filter((name) => /index$/.test(name) && !/txn/.test(name)).length,
    )
  })

  it('its folder opens here, and it goes on with what we made of it', async () => {
    const home = join(directory, 'kafka')
    const first = await ApacheKafka.start({ directory: home })
    const written = Array.from({ length: 200 }, (_, index) => `record ${index}`)
    try {
      await must(first.run('kafka-topics', ['--create', '--topic', 'orders', '--partitions', '1']))
      const input = written.map((value) => `${value}\n`).join('')
      await must(first.run('kafka-console-producer', ['--topic', 'orders', '--compression-codec', 'gzip'], { input }))
    } finally {
      await first.stop()
    }
    const folder = join(first.dataDirectory, 'orders-0')
    const log = openLog({ disk: nodeDisk(), directory: folder, state: { highWatermark: 200, recoveryPoint: 0 } })
    expect(values(readAll(log))).toEqual(written)
    expect(log.describeProducers()).toHaveLength(1)
    log.truncateTo(readAll(log)[0]!.offset + 200)
    for (let index = 0; index < 50; index++) append(log, batchOf([`ours ${index}`]), 7)
    append(log, filler(3, 10, { producerId: 5000, producerEpoch: 0, baseSequence: 0 }), 7)
    log.close()
    const second = await ApacheKafka.start({ directory: home })
    try {
      const { stdout } = await must(
        second.run('kafka-console-consumer', [
          '--topic',
          'orders',
          '--from-beginning',
          '--max-messages',
          '253',
          '--timeout-ms',
          '30000',
        ]),
      )
      const expected = [...written, ...Array.from({ length: 50 }, (_, index) => `ours ${index}`)]
      expect(stdout.split('\n').slice(0, 250)).toEqual(expected)
    } finally {
      await second.stop()
    }
  })
})

async function must<Result extends { code: number | null; stdout: string; stderr: string }>(
  running: Promise<Result>,
): Promise<Result> {
  const result = await running
  if (result.code !== 0) throw new Error(`ended with ${result.code}: ${result.stdout}${result.stderr}`)
  return result
}
