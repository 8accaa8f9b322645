import { expect, test } from 'vitest'
import { RecentTimes } from '../../src/offset-translation/recent-times.ts'
import { metricsOf } from '../../src/server/metrics.ts'
import { stillFlow } from './flow.ts'

const PAIR = 'source="east",target="west"'
const PARTITION = `${PAIR},topic="east.orders",partition="0"`

function scraped(mm2: boolean, times: number[]) {
  const groups = [
    {
      group: 'g',
      state: 'synced' as const,
      partitions: [
        {
          topic: 'orders',
          partition: 0,
          remoteTopic: 'east.orders',
          committed: 5,
          translated: 5,
          onTarget: 5,
          reread: 0,
          writtenAt: 1,
          ageSeconds: 1,
          blocked: undefined,
        },
      ],
      checkpointTimes: { last: 4, avg: 3, min: 2, max: 4 },
    },
  ]
  const grown = { records: 100, bytes: 4_096 }
  const partition = {
    get records() {
      return grown.records
    },
    get bytes() {
      return grown.bytes
    },
  }
  const still = stillFlow({}, groups)
  const flow = {
    ...still,
    status: () => ({
      ...still.status(),
      topics: still.status().topics.map((topic) => ({
        ...topic,
        partitions: topic.partitions.map((one) => ({ ...one, records: partition.records, bytes: partition.bytes })),
      })),
    }),
  }
  let now = 0
  const render = metricsOf({ flows: new Map([[flow.name, flow]]), version: '1', now: () => now, mm2: () => mm2 })
  return times.reduce(async (before, atMs) => {
    await before
    now = atMs
    const text = await render()
    grown.records += 1_000
    grown.bytes += 20_000
    return text
  }, Promise.resolve(''))
}

test('the names of MirrorMaker stand beside ours when they are asked for, with its labels', async () => {
  const text = await scraped(true, [0])
  const source = 'kafka_connect_mirror_mirrorsourceconnector'
  for (const line of [
    `${source}_record_count{${PARTITION}} 100`,
    `${source}_byte_count{${PARTITION}} 4096`,
    `${source}_record_age_ms_max{${PARTITION}} 3`,
    `${source}_replication_latency_ms{${PARTITION}} 9`,
    `${source}_replication_latency_ms_avg{${PARTITION}} 7`,
    `${source}_replication_latency_ms_min{${PARTITION}} 5`,
    `kafka_connect_mirror_mirrorcheckpointconnector_checkpoint_latency_ms_avg{${PAIR},group="g",topic="east.orders",partition="0"} 3`,
  ])
    expect(text).toContain(`\n${line}\n`)
  expect(text).toContain(`# TYPE ${source}_record_count gauge`)
  expect(await scraped(false, [0])).not.toContain('kafka_connect_mirror')
})

test('rates are those between scrapes', async () => {
  const text = await scraped(true, [0, 10_000])
  expect(text).toContain(`mirrorsourceconnector_record_rate{${PARTITION}} 100\n`)
  expect(text).toContain(`mirrorsourceconnector_byte_rate{${PARTITION}} 2000\n`)
})

test('times are those of the last minute, and none is shown when nothing was seen', () => {
  const times = new RecentTimes()
  expect(times.seen(0)).toBeUndefined()
  times.observe(10, 0)
  times.observe(20, 10_000)
  times.observe(-5, 35_000)
  expect(times.seen(40_000)).toEqual({ last: 0, avg: 10, min: 0, max: 20 })
  expect(times.seen(66_000)).toEqual({ last: 0, avg: 0, min: 0, max: 0 })
  expect(times.seen(200_000)).toBeUndefined()
})
