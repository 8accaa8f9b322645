// How many records would a group read again after a failover? One topic has no holes, so there the truth is simple: the offset that a
// group should get on the target is its offset on the source. The other is written in transactions that are all alike: one marker
// follows every ten records of a partition, and markers do not cross.
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
/** MM2 is set to sync groups every 5 s; after this long without a change its offsets are taken as final. */
const stableMs = 12_000

type Offsets = Map<string, number[]>

export const rereads: Question = {
  name: 'rereads',
  asks: 'records a group would read again after failover: near the head, far behind, transactional source, after a restart',
  run: async (options) => {
    const rig = await Rig.start()
    let run = 0
    try {
      const records = Math.round(160_000 * options.scale)
      const rows = await inTurns(options, (contestant) => measure(rig, contestant, `groups-${++run}`, records))
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
  const identical: Compared = { topic, copy, truth: (offset) => offset }
  const markers: Compared = {
    ...{ topic: ledger, copy: ledgerCopy },
    truth: (offset) => offset - Math.floor(offset / (recordsPerTransaction + 1)),
  }
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
    const head = await translated(
      rig,
      identical,
      positions(`${topic}-head`, (draw) => end - Math.floor(draw * 200)),
    )
    const behind = await translated(
      rig,
      identical,
      positions(`${topic}-behind`, (draw) => Math.floor(draw * end)),
    )
    const transactional = await translated(
      rig,
      markers,
      positions(`${topic}-transactional`, (draw) => Math.floor(draw * ledgerEnd)),
    )
    await mirror.kill('SIGTERM')
    mirror = contestant.start(job)
    const restarted = await translated(
      rig,
      identical,
      positions(`${topic}-restart`, (draw) => Math.floor(draw * end)),
    )
    const figures: Record<string, number> = {}
    for (const [name, found] of Object.entries({ head, behind, transactional, restart: restarted })) {
      figures[`${name} mean`] = found.again.reduce((sum, count) => sum + count, 0) / found.again.length
      figures[`${name} max`] = Math.max(...found.again)
      figures[`${name} untranslated`] = found.untranslated
    }
    return figures
  } finally {
    await mirror.kill()
    await rig.forget(job)
  }
}

interface Compared {
  readonly topic: string
  readonly copy: string
  /** Where an offset of the source should be on the target. */
  readonly truth: (offset: number) => number
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

/** Commits at the source, waits until the mirror has carried the groups over, and compares. */
async function translated(rig: Rig, { topic, copy, truth }: Compared, committed: Offsets) {
  const lines = [...committed].map(([group, offsets]) => `${group}=${offsets.join(',')}`)
  await rig.program('Groups', ['set', rig.source.bootstrap, topic, ...lines])
  const found = await stable(rig, copy, [...committed.keys()])
  const again: number[] = []
  let untranslated = 0
  for (const [group, offsets] of committed) {
    for (const [partition, offset] of offsets.entries()) {
      const downstream = found.get(group)![partition]!
      // A group with no offset on the target starts at the beginning.
      if (downstream === -1) untranslated++
      again.push(truth(offset) - Math.max(0, downstream))
    }
  }
  return { again, untranslated }
}

async function stable(rig: Rig, copy: string, groups: readonly string[]): Promise<Offsets> {
  const deadline = performance.now() + 120_000
  let previous = ''
  for (;;) {
    await delay(stableMs)
    const now = await rig.program('Groups', ['read', rig.target.bootstrap, copy, partitions, ...groups])
    const some = /=.*\d/.test(now.replaceAll('-1', ''))
    if ((some && now === previous) || performance.now() > deadline) return parse(now)
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
