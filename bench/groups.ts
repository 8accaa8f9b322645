// What does it cost to keep many groups in step, and how far behind is the target? Every group commits all its partitions every five
// seconds, as Java's consumers do; one in fifty commits is watched until the group on the target stands there.
import { setTimeout as delay } from 'node:timers/promises'
import { ClusterClient } from '../src/client/cluster-client.ts'
import { commitPositions } from '../src/offset-translation/group-offsets.ts'
import { nodePlatform } from '../src/platform/node-platform.ts'
import { offsetFetch } from '../src/protocol/messages/offset-fetch.ts'
import type { Contestant } from './rig/contestant.ts'
import { cpuSeconds } from './rig/process-stats.ts'
import { inTurns, type Question } from './rig/question.ts'
import { type Figures, report } from './rig/report.ts'
import { Rig } from './rig/rig.ts'
import { settled } from './rig/settled.ts'

const partitions = 20
const recordsPerPartition = 2_000
const commitEveryMs = 5_000
const measureMs = 20_000
const watchedEvery = 50
const lookEveryMs = 20
const settleMs = 5_000

export const groups: Question = {
  name: 'groups',
  asks: 'many groups kept in step: how far behind, at what cost',
  run: async (options) => {
    const rig = await Rig.start()
    let run = 0
    try {
      const count = Math.round(1_000 * options.scale)
      const rows = await inTurns(options, (contestant) => measure(rig, contestant, `orders-${++run}`, count))
      report(`groups: ${count} groups of ${partitions} partitions, each commits every ${commitEveryMs / 1000} s`, rows)
    } finally {
      await rig.stop()
    }
  },
}

async function measure(rig: Rig, contestant: Contestant, topic: string, count: number): Promise<Figures> {
  const records = recordsPerPartition * partitions
  await rig.load({ topic, partitions, records, batchBytes: 16_384, recordBytes: 100 })
  const [source, target] = [clientOf(rig.source.bootstrap), clientOf(rig.target.bootstrap)]
  const names = Array.from({ length: count }, (_, group) => `${topic}-group-${group}`)
  const job = rig.job({ topics: topic, groups: `${topic}-.*` })
  const copy = `${job.alias}.${topic}`
  const commit = async (group: string, offset: number) => {
    const positions = Array.from({ length: partitions }, (_, partition) => ({ topic, partition, offset, metadata: '' }))
    await commitPositions(await source.coordinator('group', group), group, positions)
  }
  await sideBySide(names, (group) => commit(group, 1))
  const mirror = contestant.start(job)
  try {
    await settled(rig, [{ topic: copy, partitions }], records)
    const begun = performance.now()
    await sideBySide(names, (group) => arrival(target, group, copy, 1))
    const allMs = performance.now() - begun
    await delay(settleMs)
    const before = cpuSeconds(mirror.pid).total
    const startedAt = performance.now()
    const behind: Promise<number>[] = []
    for (let number = 0; performance.now() - startedAt < measureMs; number++) {
      const due = startedAt + (number * commitEveryMs) / count
      if (due > performance.now()) await delay(due - performance.now())
      const group = names[number % count]!
      const offset = 2 + Math.floor(number / count)
      await commit(group, offset)
      if (number % watchedEvery === 0) behind.push(arrival(target, group, copy, offset))
    }
    const seconds = (performance.now() - startedAt) / 1000
    const used = cpuSeconds(mirror.pid).total - before
    const times = (await Promise.all(behind)).sort((a, b) => a - b)
    return {
      'first in step ms': allMs,
      'behind p50 ms': times[Math.floor(times.length / 2)]!,
      'behind p99 ms': times[Math.floor(times.length * 0.99)]!,
      'behind max ms': times.at(-1)!,
      'CPU %': (used / seconds) * 100,
    }
  } finally {
    await mirror.kill()
    source.close()
    target.close()
    await rig.forget(job)
  }
}

async function sideBySide(names: readonly string[], work: (name: string) => Promise<unknown>): Promise<void> {
  const waiting = names.values()
  const worker = async () => {
    for (const name of waiting) await work(name)
  }
  await Promise.all(Array.from({ length: 16 }, worker))
}

function clientOf(bootstrap: string): ClusterClient {
  const [host, port] = bootstrap.split(':')
  return new ClusterClient(nodePlatform({ log: { level: 'error' } }), {
    bootstrap: [{ host: host!, port: Number(port) }],
    clientId: 'bench',
  })
}

/** How long until every partition of the group stands there on the target, or beyond. */
async function arrival(target: ClusterClient, groupId: string, topic: string, offset: number): Promise<number> {
  const begun = performance.now()
  for (;;) {
    const connection = await target.coordinator('group', groupId)
    const answer = await connection.send(offsetFetch, { groups: [{ groupId, topics: null }] }, { version: 9 })
    const found = answer.groups[0]?.topics.find(({ name }) => name === topic)?.partitions ?? []
    if (found.filter(({ committedOffset }) => committedOffset >= offset).length === partitions)
      return performance.now() - begun
    await delay(lookEveryMs)
  }
}
