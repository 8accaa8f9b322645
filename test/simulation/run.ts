// `npm run simulate -- [--world mirror|transactions|power] [--seeds 100] [--first 1] [--seconds 60]`: plays disasters, a seed after the other,
// and ends with the command that replays the first that failed.
import { parseArgs } from 'node:util'
import { faults, MirrorWorld } from './mirror-world.ts'
import { TransactionWorld } from './transaction-world.ts'

/** Each plays a seed and tells what it saw, to be added up. */
const worlds: Readonly<Record<string, (seed: number, seconds: number) => Promise<Readonly<Record<string, number>>>>> = {
  mirror: async (seed, seconds) => {
    const outcome = await new MirrorWorld(seed).play({ seconds, faults })
    return { records: outcome.records, ...Object.fromEntries(outcome.faults) }
  },
  transactions: async (seed, seconds) => {
    const outcome = await new TransactionWorld(seed).play({ seconds })
    return { kills: outcome.kills, ...outcome.fates }
  },
  power: async (seed, seconds) => {
    const outcome = await new TransactionWorld(seed).play({ seconds, losesPower: true, syncs: true })
    return { 'power cuts and kills': outcome.kills, ...outcome.fates }
  },
}

const { values } = parseArgs({
  options: {
    world: { type: 'string', default: 'mirror' },
    seeds: { type: 'string', default: '100' },
    first: { type: 'string', default: '1' },
    seconds: { type: 'string', default: '60' },
  },
})
const world = worlds[values.world]
const [first, seeds, seconds] = [values.first, values.seeds, values.seconds].map(Number) as [number, number, number]
if (!world || [first, seeds, seconds].some((value) => !Number.isSafeInteger(value) || value < 1)) {
  process.stderr.write(
    `--world is one of ${Object.keys(worlds).join(', ')}; --seeds, --first and --seconds are whole numbers\n`,
  )
  process.exit(2)
}
const startedAt = performance.now()
const seen = new Map<string, number>()
let failed: number | undefined

for (let seed = first; seed < first + seeds && failed === undefined; seed++) {
  try {
    for (const [name, count] of Object.entries(await world(seed, seconds)))
      seen.set(name, (seen.get(name) ?? 0) + count)
  } catch (error) {
    failed = seed
    process.stderr.write(`seed ${seed}: ${(error as Error).stack}\n`)
  }
}
const took = (performance.now() - startedAt) / 1000
const counts = [...seen].map(([name, count]) => `${name} ${count}`).join(', ')
process.stdout.write(`${counts}; ${took.toFixed(1)} s\n`)
if (failed !== undefined) {
  const replay = `--world ${values.world} --first ${failed} --seeds 1 --seconds ${seconds}`
  process.stdout.write(`replay it: npm run simulate -- ${replay}\n`)
  process.exit(1)
}
