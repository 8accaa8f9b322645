// A topic that is made while the mirror runs: how long until its first record is on the target? Counted from the moment at which the
// source said that the topic is made; the record is written right after.
import { setTimeout as delay } from 'node:timers/promises'
import { inTurns, type Question } from './rig/question.ts'
import { report } from './rig/report.ts'
import { Rig } from './rig/rig.ts'
import { settled } from './rig/settled.ts'

const partitions = 3
const topicsOfAQuickMirror = 20
/** MirrorMaker 2 looks for topics every 600 s: one topic says as much as many. */
const quickMs = 30_000
const patienceMs = 660_000

export const newTopic: Question = {
  name: 'new-topic',
  asks: 'a topic made at the source: seconds until its first record is on the target (MM2 takes up to ten minutes)',
  run: async (options) => {
    const rig = await Rig.start()
    const maker = rig.observe('NewTopics', [rig.source.bootstrap])
    let topics = 0
    /** Resolves to the moment at which the source had made it. */
    const make = async (topic: string) => {
      maker.write(`${topic} ${partitions}\n`)
      await maker.until(({ stdout }) => stdout.includes(`made ${topic}\n`), `${topic} is made`)
      return performance.now()
    }
    try {
      const contestants = options.contestants.filter(({ name }) => name !== 'MM2 tuned')
      const rows = await inTurns({ ...options, contestants }, (contestant) => {
        const prefix = `new${++topics}`
        return rig.mirror(contestant, { topics: `${prefix}-.*` }, async (_, alias) => {
          const copyOf = (topic: string) => [{ topic: `${alias}.${topic}`, partitions }]
          await make(`${prefix}-first`)
          await settled(rig, copyOf(`${prefix}-first`), partitions, { timeoutMs: patienceMs })
          const seconds: number[] = []
          while (seconds.length < topicsOfAQuickMirror * options.scale) {
            // At any moment between two looks of the mirror.
            await delay(1_000 + Math.random() * 5_000)
            const topic = `${prefix}-${++topics}`
            const madeAt = await make(topic)
            const firstAt = await settled(rig, copyOf(topic), 1, { timeoutMs: patienceMs })
            seconds.push((firstAt - madeAt) / 1_000)
            if (firstAt - madeAt > quickMs) break
          }
          const mean = seconds.reduce((sum, each) => sum + each, 0) / seconds.length
          return { topics: seconds.length, 'mean s': mean, 'longest s': Math.max(...seconds) }
        })
      })
      report('new-topic', rows)
    } finally {
      await maker.kill()
      await rig.stop()
    }
  },
}
