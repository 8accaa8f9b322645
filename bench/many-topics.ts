// How soon is a cluster of many small topics mirrored, from the start of the process?
import { cpuSeconds, memory } from './rig/process-stats.ts'
import { inTurns, type Question } from './rig/question.ts'
import { report } from './rig/report.ts'
import { Rig } from './rig/rig.ts'
import { settled } from './rig/settled.ts'

const partitions = 5
const recordsPerTopic = 50
const pollMs = 100

export const manyTopics: Question = {
  name: 'many-topics',
  asks: '200 topics of 5 partitions, 50 records each: all mirrored',
  run: async (options) => {
    const rig = await Rig.start()
    try {
      const names = Array.from({ length: Math.round(200 * options.scale) }, (_, index) => `many-${index}`)
      const made = await rig.program('Fill', [rig.source.bootstrap, 'many-', names.length, partitions, recordsPerTopic])
      console.log(`the source alone took ${Number(made).toFixed(1)} s to make its topics`)
      for (const name of names) rig.warm(name)
      const rows = await inTurns(options, (contestant) => {
        const startedAt = performance.now()
        return rig.mirror(contestant, { topics: 'many-.*' }, async (mirror, alias) => {
          const copies = names.map((name) => ({ topic: `${alias}.${name}`, partitions }))
          const first = await settled(rig, copies, 1, { pollMs })
          const all = await settled(rig, copies, names.length * recordsPerTopic, { pollMs })
          return {
            'first record s': (first - startedAt) / 1000,
            'all s': (all - startedAt) / 1000,
            'CPU s': cpuSeconds(mirror.pid).total,
            'peak MB': memory(mirror.pid).peakRssMb,
          }
        })
      })
      report(`many-topics: ${names.length} topics of ${partitions} partitions`, rows)
    } finally {
      await rig.stop()
    }
  },
}
