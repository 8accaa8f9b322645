// `npm run simulate -- --seeds 1000 [--first 1] [--seconds 60]`: plays the mirror's disasters, a seed after the other, and ends with
// the command that replays the first that failed.
import { parseArgs } from 'node:util'
import { faults, MirrorWorld } from './mirror-world.ts'

const { values } = parseArgs({
  options: {
    seeds: { type: 'string', default: '100' },
    first: { type: 'string', default: '1' },
    seconds: { type: 'string', default: '60' },
  },
})
const first = Number(values.first)
const seeds = Number(values.seeds)
const seconds = Number(values.seconds)
const startedAt = performance.now()
const bitten = new Map<string, number>()
let records = 0
let failed: number | undefined

for (let seed = first; seed < first + seeds && failed === undefined; seed++) {
  try {
    const outcome = await new MirrorWorld(seed).play({ seconds, faults })
    records += outcome.records
    for (const [name, count] of outcome.faults) bitten.set(name, (bitten.get(name) ?? 0) + count)
  } catch (error) {
    failed = seed
    process.stderr.write(`seed ${seed}: ${(error as Error).stack}\n`)
  }
}
const took = (performance.now() - startedAt) / 1000
const faultCounts = [...bitten].map(([name, count]) => `${name} ${count}`).join(', ')
process.stdout.write(`${records} records, faults that bit: ${faultCounts}; ${took.toFixed(1)} s\n`)
if (failed !== undefined) {
  process.stdout.write(`replay it: npm run simulate -- --first ${failed} --seeds 1 --seconds ${seconds}\n`)
  process.exit(1)
}
