// Two instances share a mirror and one is killed: how long do its partitions stand still, and do the others pause at all? A writer keeps
// every partition busy; the ends of the copies are looked at from outside, and the longest time that one stood still is its pause.
import { setTimeout as delay } from 'node:timers/promises'
import type { ExternalProcess } from '../test/support/external-process.ts'
import type { ClusterEnds, TopicPartitions } from './rig/cluster-ends.ts'
import type { Contestant } from './rig/contestant.ts'
import { heliostat } from './rig/heliostat.ts'
import { mm2 } from './rig/mm2.ts'
import { inTurns, type Question } from './rig/question.ts'
import { report } from './rig/report.ts'
import { Rig } from './rig/rig.ts'
import { settled } from './rig/settled.ts'

const partitions = 32
const ratePerPartition = 50
const recordBytes = 100
const lookMs = 20
/** For the second instance to get work; and from then on until each has its share. */
const sharingPatienceMs = 300_000
const sharingMs = 20_000
const quietMs = 15_000
/** Both groups' session time-outs are longer; MirrorMaker's tasks wait five minutes more for their worker to return. */
const takenOverMs = 3_000
const patienceMs = 420_000

export const instanceKilled: Question = {
  name: 'instance-killed',
  asks: 'kill -9 of one of two instances: how long its partitions stand still, and the others (MM2 waits five minutes)',
  run: async (options) => {
    const rig = await Rig.start()
    let run = 0
    try {
      const contestants = [mm2('two of them'), heliostat()].filter(({ name }) =>
        options.contestants.some((wanted) => wanted.name.split(' ')[0] === name.split(' ')[0]),
      )
      const rows = await inTurns({ ...options, contestants }, async (contestant) => {
        const topic = `killed-${++run}`
        await rig.createTopic(topic, partitions)
        const job = rig.job({ topics: topic })
        const copy = { topic: `${job.alias}.${topic}`, partitions }
        const isMm2 = contestant.name.startsWith('MM2')
        const seconds = (sharingPatienceMs + sharingMs + 2 * quietMs + (isMm2 ? patienceMs : 20_000)) / 1_000 + 60
        const rate = partitions * ratePerPartition
        const args = [rig.source.bootstrap, topic, partitions, rate, Math.round(seconds * rate), recordBytes]
        const writer = rig.observe('Writer', args)
        const instances = [contestant.start({ ...job, instance: 1 })]
        try {
          await settled(rig, [copy], rate)
          // One after the other: of two MirrorMakers that start at once, each may take the other for the one that hands out the work.
          const second = contestant.start({ ...job, instance: 2 })
          instances.push(second)
          await untilWork(contestant, second)
          await delay(sharingMs * Math.min(1, options.scale))
          const before = await Pauses.seen(rig.targetEnds, copy, () => delay(quietMs * Math.min(1, options.scale)))
          const after = await Pauses.seen(rig.targetEnds, copy, async (pauses) => {
            await second.kill('SIGKILL')
            const deadline = performance.now() + (isMm2 ? patienceMs : 20_000)
            await delay(Math.min(takenOverMs * 2, quietMs))
            while (pauses.someStandStill && performance.now() < deadline) await delay(lookMs)
            await delay(quietMs * Math.min(1, options.scale))
          })
          const taken = after.longestMs.filter((ms) => ms >= takenOverMs)
          const others = after.longestMs.filter((ms) => ms < takenOverMs)
          return {
            'partitions taken over': taken.length,
            'they stood still s, longest': Math.max(0, ...taken) / 1_000,
            'they stood still s, shortest': taken.length > 0 ? Math.min(...taken) / 1_000 : 0,
            'the others stood still s, longest': Math.max(0, ...others) / 1_000,
            'longest before the kill s': Math.max(...before.longestMs) / 1_000,
          }
        } finally {
          await writer.kill()
          for (const instance of instances) await instance.kill()
          await rig.forget(job)
        }
      })
      report(`instance-killed: ${partitions} partitions, ${ratePerPartition} records/s each`, rows)
    } finally {
      await rig.stop()
    }
  },
}

async function untilWork(contestant: Contestant, instance: ExternalProcess): Promise<void> {
  const deadline = performance.now() + sharingPatienceMs
  while (!(await contestant.hasWork(instance))) {
    if (performance.now() > deadline)
      throw new Error(`an instance got no work\n${(instance.stdout + instance.stderr).slice(-4_000)}`)
    await delay(500)
  }
}

/** How long each partition stood still at the longest, while something happened. */
class Pauses {
  readonly longestMs: number[]
  readonly #movedAt: number[]

  private constructor(now: number) {
    this.longestMs = new Array<number>(partitions).fill(0)
    this.#movedAt = new Array<number>(partitions).fill(now)
  }

  static async seen(
    ends: ClusterEnds,
    copy: TopicPartitions,
    during: (pauses: Pauses) => Promise<void>,
  ): Promise<Pauses> {
    const pauses = new Pauses(performance.now())
    let last = (await ends.ends([copy]))[0]!
    let isOver = false
    const happening = during(pauses).finally(() => {
      isOver = true
    })
    while (!isOver) {
      await delay(lookMs)
      const now = (await ends.ends([copy]))[0]!
      pauses.#look(last, now, performance.now())
      last = now
    }
    await happening
    return pauses
  }

  get someStandStill(): boolean {
    return this.#movedAt.some((at) => performance.now() - at > takenOverMs)
  }

  #look(last: readonly number[], ends: readonly number[], now: number): void {
    for (const [partition, end] of ends.entries()) {
      this.longestMs[partition] = Math.max(this.longestMs[partition]!, now - this.#movedAt[partition]!)
      if (end > last[partition]!) this.#movedAt[partition] = now
    }
  }
}
