// What does copying a backlog cost, and how fast does it go? A source topic of 8 partitions is full before the mirror starts.
// "CPU s/GB" counts the whole process from its start, "after start" the last 70 % of the records: a JVM is warm by then.
import { randomBytes } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { catchUp } from './rig/catch-up.ts'
import { inTurns, type Question } from './rig/question.ts'
import { report } from './rig/report.ts'
import { type Load, Rig } from './rig/rig.ts'

const partitions = 8

type Shape = Pick<Load, 'records' | 'batchBytes' | 'compression'> & { readonly recordBytes: number }

function question(name: string, asks: string, shape: Shape): Question {
  return {
    name,
    asks,
    run: async (options) => {
      const rig = await Rig.start()
      try {
        const records = Math.round(shape.records * options.scale)
        const content =
          shape.compression === undefined
            ? { recordBytes: shape.recordBytes }
            : { payloadFile: payloads(rig, shape.recordBytes) }
        const { batchBytes, compression } = shape
        await rig.load({ topic: 'records', partitions, records, batchBytes, compression, ...content })
        const load = { topic: 'records', partitions, records, recordBytesTotal: records * shape.recordBytes }
        const ratio = load.recordBytesTotal / rig.warm('records')
        const rows = await inTurns(options, (contestant) => catchUp(rig, contestant, load))
        report(`${name}: ${asks}; ${records} records, ${ratio.toFixed(1)} : 1 on the wire`, rows)
      } finally {
        await rig.stop()
      }
    },
  }
}

export const catchUpSmall = question('catch-up-16k', '1 KiB records in 16 KiB batches, uncompressed', {
  records: 976_562,
  recordBytes: 1024,
  batchBytes: 16_384,
})

export const catchUpLarge = question('catch-up-1m', '1 KiB records in 1 MiB batches, uncompressed', {
  records: 976_562,
  recordBytes: 1024,
  batchBytes: 1_048_576,
})

export const catchUpZstd = question('catch-up-zstd', '1 KiB records in zstd batches', {
  records: 976_562,
  recordBytes: 1024,
  batchBytes: 16_384,
  compression: 'zstd',
})

export const catchUpTiny = question('catch-up-100b', '100 B records in 16 KiB batches, uncompressed', {
  records: 4_000_000,
  recordBytes: 100,
  batchBytes: 16_384,
})

/** Lines that zstd packs about 3.6 : 1 in 16 KiB batches: half structure, half random hex digits. */
function payloads(rig: Rig, recordBytes: number): string {
  const path = join(rig.directory, 'payloads')
  const field = (index: number) => `"measurement_${index}":"${randomBytes(32).toString('hex')}",`
  const line = () =>
    `{${Array.from({ length: 12 }, (_, index) => field(index)).join('')}`.slice(0, 660).padEnd(recordBytes - 1, '-=#') +
    '}'
  writeFileSync(path, `${Array.from({ length: 20_000 }, line).join('\n')}\n`)
  return path
}
