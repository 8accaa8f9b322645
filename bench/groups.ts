// What does it cost to keep many groups in step, and how far behind is the target? Every group reads at the head of one topic, which grows
// by a record a second in each partition, and commits all its partitions every five seconds, as Java's consumers do. One in fifty commits is
// watched until the group on the target stands at the very place; the topic has no holes, so that is the offset that was committed.
// With `--repeats 1` both contestants together take some three minutes.
import { setTimeout as delay } from 'node:timers/promises'
import { ClusterClient } from '../src/client/cluster-client.ts'
import { commitPositions } from '../src/offset-translation/group-offsets.ts'
import { nodePlatform } from '../src/platform/node-platform.ts'
import { ErrorCode, errorOf } from '../src/protocol/errors.ts'
import { deleteGroups } from '../src/protocol/messages/delete-groups.ts'
import { offsetFetch } from '../src/protocol/messages/offset-fetch.ts'
import { produce } from '../src/protocol/messages/produce.ts'
import { BatchBuilder } from '../src/records/batch-builder.ts'
import type { Contestant } from './rig/contestant.ts'
import { cpuSeconds, memory } from './rig/process-stats.ts'
import { inTurns, type Question } from './rig/question.ts'
import { type Figures, report } from './rig/report.ts'
import { Rig } from './rig/rig.ts'

const partitions = 20
const recordsAtFirst = 10
const growEveryMs = 1_000
const commitEveryMs = 5_000
const measureMs = 20_000
const watchedEvery = 50
const settleMs = 5_000
/** A group that is not in its place by then is given up, and counted with this time. */
const patienceMs = 10_000
/** For all groups together, from the start of the mirror. */
const firstPatienceMs = 60_000

export const groups: Question = {
  name: 'groups',
  asks: 'many groups kept in step: how far behind, at what cost',
  run: async (options) => {
    const rig = await Rig.start()
    let run = 0
    try {
      const count = Math.round(1_000 * options.scale)
      // What MM2 is tuned for is records: its groups would say the same again.
      const contestants = options.contestants.filter(({ name }) => name !== 'MM2 tuned')
      const rows = await inTurns({ ...options, contestants }, (contestant) =>
        measure(rig, contestant, `orders-${++run}`, count),
      )
      const each = `each commits every ${commitEveryMs / 1000} s`
      report(`groups: ${count} groups of ${partitions} partitions, ${each}; given up after ${patienceMs} ms`, rows)
    } finally {
      await rig.stop()
    }
  },
}

/** A topic, those who write it, and those who read it. */
class Readers {
  readonly names: readonly string[]
  readonly #source: ClusterClient
  readonly #target: ClusterClient
  readonly #topic: string
  /** Records in each partition. */
  #written = 0

  constructor(rig: Rig, topic: string, count: number) {
    this.#source = clientOf(rig.source.bootstrap)
    this.#target = clientOf(rig.target.bootstrap)
    this.#topic = topic
    this.names = Array.from({ length: count }, (_, group) => `${topic}-group-${group}`)
  }

  /** The source's groups are gone as well, so that the next contestant meets no others than its own. */
  async close(): Promise<void> {
    for (const client of [this.#source, this.#target]) {
      await (await client.anyNode()).send(deleteGroups, { groupsNames: [...this.names] })
      client.close()
    }
  }

  async grow(records: number): Promise<void> {
    const builder = new BatchBuilder({ baseOffset: 0 })
    for (let record = 0; record < records; record++)
      builder.append({ timestamp: Date.now(), key: null, value: Buffer.alloc(100, 97) })
    const batch = builder.build()
    const all = Array.from({ length: partitions }, (_, index) => ({ index, records: [batch] }))
    const connection = await this.#source.anyNode()
    // A topic that was just made may have partitions without a leader yet.
    for (let left = all; left.length > 0; ) {
      const topicData = [{ name: this.#topic, partitionData: left }]
      const answer = await connection.send(produce, { acks: -1, timeoutMs: 10_000, topicData }, { version: 9 })
      const refused = answer.responses[0]!.partitionResponses.filter(({ errorCode }) => errorCode !== ErrorCode.NONE)
      const fatal = refused.find(({ errorCode }) => !errorOf(errorCode).retriable)
      if (fatal) throw new Error(`${this.#topic}-${fatal.index} takes no records: ${errorOf(fatal.errorCode).name}`)
      left = all.filter(({ index }) => refused.some((one) => one.index === index))
      if (left.length > 0) await delay(50)
    }
    this.#written += records
  }

  /** Commits at the head, and returns where that is. */
  async commit(group: string): Promise<number> {
    const offset = this.#written
    const positions = Array.from({ length: partitions }, (_, partition) => {
      return { topic: this.#topic, partition, offset, metadata: '' }
    })
    for (;;) {
      const codes = await commitPositions(await this.#source.coordinator('group', group), group, positions)
      if (codes.every((code) => code === ErrorCode.NONE)) return offset
      if (!codes.every((code) => errorOf(code).retriable)) throw new Error(`${group} could not commit: ${codes}`)
      await delay(50)
    }
  }

  /** Where the group stands on the target, by partition; −1 where it does not. */
  async standing(groupId: string, topic: string): Promise<number[]> {
    const connection = await this.#target.coordinator('group', groupId)
    const topics = [{ name: topic, partitionIndexes: Array.from({ length: partitions }, (_, index) => index) }]
    const answer = await connection.send(offsetFetch, { groups: [{ groupId, topics }] }, { version: 8 })
    const found = answer.groups[0]?.topics[0]?.partitions
    return found?.map(({ committedOffset }) => committedOffset) ?? Array<number>(partitions).fill(-1)
  }

  /** How long until every partition of the group stands there or beyond, and what it would read again when it is given up. */
  async arrival(
    group: string,
    topic: string,
    offset: number,
    patience: number,
  ): Promise<{ ms: number; short: number }> {
    const begun = performance.now()
    for (let pauseMs = 20; ; pauseMs = Math.min(200, pauseMs * 1.2)) {
      const short = (await this.standing(group, topic)).reduce((sum, at) => sum + Math.max(0, offset - at), 0)
      const ms = performance.now() - begun
      if (short === 0 || ms > patience) return { ms: short === 0 ? ms : patience, short }
      await delay(pauseMs)
    }
  }
}

async function measure(rig: Rig, contestant: Contestant, topic: string, count: number): Promise<Figures> {
  await rig.createTopic(topic, partitions)
  const readers = new Readers(rig, topic, count)
  await readers.grow(recordsAtFirst)
  await sideBySide(readers.names, (group) => readers.commit(group))
  try {
    return await rig.mirror(contestant, { topics: topic, groups: `${topic}-.*` }, async (mirror, alias) => {
      const copy = `${alias}.${topic}`
      const startedAt = performance.now()
      // In place or not: with any offset in each partition.
      const left = () => Math.max(0, startedAt + firstPatienceMs - performance.now())
      await sideBySide(readers.names, (group) => readers.arrival(group, copy, 0, left()))
      const allMs = performance.now() - startedAt
      await delay(settleMs)
      const grown = setInterval(() => void readers.grow(1), growEveryMs)
      try {
        const cpuBefore = cpuSeconds(mirror.pid).total
        const begun = performance.now()
        const watched = await commitInTurns(readers, copy, begun)
        const seconds = (performance.now() - begun) / 1000
        const used = cpuSeconds(mirror.pid).total - cpuBefore
        const seen = (await Promise.all(watched)).sort((a, b) => a.ms - b.ms)
        const at = (share: number) => seen[Math.min(seen.length - 1, Math.floor(seen.length * share))]!.ms
        return {
          'all on the target s': allMs / 1000,
          'in place p50 ms': at(0.5),
          'in place p99 ms': at(0.99),
          'in place max ms': at(1),
          'given up %': (seen.filter(({ short }) => short > 0).length / seen.length) * 100,
          'would read again, mean': seen.reduce((sum, { short }) => sum + short, 0) / seen.length / partitions,
          'CPU %': (used / seconds) * 100,
          MB: memory(mirror.pid).privateMb,
        }
      } finally {
        clearInterval(grown)
      }
    })
  } finally {
    await readers.close()
  }
}

/** Commits of one group after the other, evenly spread; resolves to what became of those that were watched. */
async function commitInTurns(readers: Readers, copy: string, begun: number) {
  const { names } = readers
  const watched: Promise<{ ms: number; short: number }>[] = []
  for (let number = 0; performance.now() - begun < measureMs; number++) {
    const due = begun + (number * commitEveryMs) / names.length
    if (due > performance.now()) await delay(due - performance.now())
    const group = names[number % names.length]!
    const offset = await readers.commit(group)
    if (number % watchedEvery === 0) watched.push(readers.arrival(group, copy, offset, patienceMs))
  }
  return watched
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
