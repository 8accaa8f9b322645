// How many records would a group read again after a failover? One topic has no holes, so there the truth is simple: the offset that a
// group should get on the target is its offset on the source. The other is written in transactions that are all alike: one marker
// follows every ten records of a partition, and markers do not cross. Each is asked twice, the second time after a restart of the mirror.
// With `--repeats 1` a contestant takes some four minutes.
import { setTimeout as delay } from 'node:timers/promises'
import type { Contestant } from './rig/contestant.ts'
import { inTurns, type Question } from './rig/question.ts'
import { type Figures, report } from './rig/report.ts'
import { Rig } from './rig/rig.ts'
import { settled } from './rig/settled.ts'

const partitions = 8
const rate = 2000
const transactionalRate = 1000
/** Of each partition, in a transaction. */
const recordsPerTransaction = 10
const groupsPerKind = 10
/** MM2 tells where the newest records stand when it writes its offsets, which is every minute. */
const flushedMs = 65_000
/** MM2 is set to sync groups every 5 s; after this long without a change its offsets are taken as final. */
const stableMs = 12_000
const stablePatienceMs = 120_000

/** By group: an offset for each partition. */
type Offsets = Map<string, number[]>

/** Groups that have something in common. */
interface Kind {
  readonly name: string
  readonly topic: string
  readonly copy: string
  /** Where a group stands in a partition, for a number from 0 to 1. */
  readonly position: (draw: number) => number
  /** Where an offset of the source should be on the target. */
  readonly truth: (offset: number) => number
}

export const rereads: Question = {
  name: 'rereads',
  asks: 'records a group would read again after failover: near the head, far behind, transactional source, after a restart',
  run: async (options) => {
    const rig = await Rig.start()
    let run = 0
    try {
      const records = Math.round(160_000 * options.scale)
      // What MM2 is tuned for is records: its groups would say the same again.
      const contestants = options.contestants.filter(({ name }) => name !== 'MM2 tuned')
      const rows = await inTurns({ ...options, contestants }, (contestant) =>
        measure(rig, contestant, `groups-${++run}`, records),
      )
      report(
        `rereads: ${groupsPerKind} groups each on ${partitions} partitions of ${records / partitions} records`,
        rows,
      )
    } finally {
      await rig.stop()
    }
  },
}

async function measure(rig: Rig, contestant: Contestant, topic: string, records: number): Promise<Figures> {
  const ledger = `${topic}-ledger`
  for (const name of [topic, ledger]) await rig.createTopic(name, partitions)
  const job = rig.job({ topics: `${topic}(-ledger)?`, groups: `${topic}-.*` })
  const [copy, ledgerCopy] = [`${job.alias}.${topic}`, `${job.alias}.${ledger}`]
  const end = records / partitions
  const inLedger = Math.floor(records / 4 / partitions / recordsPerTransaction) * recordsPerTransaction
  const ledgerEnd = (inLedger / recordsPerTransaction) * (recordsPerTransaction + 1)
  const plain = { topic, copy, truth: (offset: number) => offset }
  const marked = { topic: ledger, copy: ledgerCopy, truth: withoutMarkers }
  const kinds: Kind[] = [
    { ...plain, name: 'near', position: (draw) => end - Math.floor(draw * 200) },
    { ...plain, name: 'far', position: (draw) => Math.floor(draw * end) },
    { ...marked, name: 'transactional', position: (draw) => Math.floor(draw * ledgerEnd) },
  ]
  let mirror = contestant.start(job)
  try {
    const transaction = recordsPerTransaction * partitions
    await Promise.all([
      rig.program('Writer', [rig.source.bootstrap, topic, partitions, rate, records, 100]),
      rig.program('Writer', [
        ...[rig.source.bootstrap, ledger, partitions, transactionalRate, inLedger * partitions, 100],
        transaction,
      ]),
    ])
    await settled(rig, [{ topic: copy, partitions }], records)
    await settled(rig, [{ topic: ledgerCopy, partitions }], inLedger * partitions)
    await delay(flushedMs)
    const before = await translated(rig, kinds, topic)
    await mirror.kill('SIGTERM')
    mirror = contestant.start(job)
    const after = await translated(rig, kinds, `${topic}-restarted`)
    return { ...labelled('', before), ...labelled(' after restart', after) }
  } finally {
    await mirror.kill()
    await rig.forget(job)
  }
}

/** A marker stands behind each transaction, and nowhere on the target. */
function withoutMarkers(offset: number): number {
  return offset - Math.floor(offset / (recordsPerTransaction + 1))
}

function labelled(label: string, figures: Figures): Figures {
  return Object.fromEntries(Object.entries(figures).map(([name, value]) => [`${name}${label}`, value]))
}

/** Commits at the source, waits until the mirror has carried the groups over, and compares. */
async function translated(rig: Rig, kinds: readonly Kind[], prefix: string): Promise<Figures> {
  const committed = kinds.map((kind) => positions(`${prefix}-${kind.name}`, kind.position))
  for (const [index, { topic }] of kinds.entries()) {
    const lines = [...committed[index]!].map(([group, offsets]) => `${group}=${offsets.join(',')}`)
    await rig.program('Groups', ['set', rig.source.bootstrap, topic, ...lines])
  }
  const found = await stable(rig, kinds, committed)
  const figures: Record<string, number> = {}
  for (const [index, { name, truth }] of kinds.entries()) {
    const pairs = [...committed[index]!].flatMap(([group, offsets]) =>
      offsets.map((offset, partition) => ({ due: truth(offset), is: found.get(group)![partition]! })),
    )
    // A group with no offset on the target starts at the beginning.
    const again = pairs.map(({ due, is }) => due - Math.max(0, is))
    figures[`${name}: again, mean`] = again.reduce((sum, count) => sum + Math.max(0, count), 0) / again.length
    figures[`${name}: again, max`] = Math.max(0, ...again)
    figures[`${name}: never read`] = again.reduce((sum, count) => sum + Math.max(0, -count), 0)
    figures[`${name}: untranslated`] = pairs.filter(({ is }) => is === -1).length
  }
  return figures
}

/** The same positions for every contestant: a golden-ratio walk instead of chance. */
function positions(prefix: string, offset: (draw: number) => number): Offsets {
  let draw = 0
  const next = () => {
    draw = (draw + 0.618_033_988_75) % 1
    return offset(draw)
  }
  return new Map(
    Array.from({ length: groupsPerKind }, (_, group) => [
      `${prefix}-${group}`,
      Array.from({ length: partitions }, next),
    ]),
  )
}

/** Where the groups of all kinds stand on the target, once that has not changed for a while and some of each kind do stand. */
async function stable(rig: Rig, kinds: readonly Kind[], committed: readonly Offsets[]): Promise<Offsets> {
  const deadline = performance.now() + stablePatienceMs
  let previous = ''
  for (;;) {
    await delay(stableMs)
    const read: string[] = []
    for (const [index, { copy }] of kinds.entries())
      read.push(
        await rig.program('Groups', ['read', rig.target.bootstrap, copy, partitions, ...committed[index]!.keys()]),
      )
    const now = read.join('')
    const areThere = read.every((lines) => [...parse(lines).values()].flat().some((offset) => offset >= 0))
    if ((areThere && now === previous) || performance.now() > deadline) return parse(now)
    previous = now
  }
}

function parse(lines: string): Offsets {
  const pairs = lines
    .trim()
    .split('\n')
    .map((line) => line.split('='))
  return new Map(pairs.map(([group, offsets]) => [group!, offsets!.split(',').map(Number)]))
}
