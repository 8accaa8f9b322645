// `npm run torture`: three brokers as processes of their own, killed and frozen under clients from outside, seed after seed, and ends with the
// command that repeats the first that failed. The draw repeats, the timing does not: give a seed several runs.
//   --seeds 10        how many, from --first 1 on; fresh ones with --first now
//   --seconds 60      how long things go wrong
//   --clients NAMES   of franz, java, librdkafka; absent: all that can be had here
//   --say             tells what is done to whom, and what clients met
//   --keep DIRECTORY  of the last seed the brokers' data and all that they logged stay there
import { rmSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { textOf } from '../oracle/violation.ts'
import { type Torturer, torture } from './torture.ts'
import { torturer, torturerNames } from './torturers.ts'

const { values } = parseArgs({
  options: {
    seeds: { type: 'string', default: '10' },
    first: { type: 'string', default: '1' },
    seconds: { type: 'string', default: '60' },
    clients: { type: 'string', default: torturerNames.join(',') },
    say: { type: 'boolean', default: false },
    keep: { type: 'string' },
  },
})

// An interrupted run still ends its brokers and removes their data.
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(1))

const names = values.clients.split(',')
const unknown = names.find((name) => !torturerNames.includes(name))
if (unknown !== undefined) {
  process.stderr.write(`--clients: there is no ${unknown}; there are ${torturerNames.join(', ')}\n`)
  process.exit(2)
}
const clients: Torturer[] = []
for (const name of names) {
  const found = await torturer(name)
  if ('reason' in found) process.stderr.write(`without ${name}: ${found.reason}\n`)
  else clients.push(found)
}
if (clients.length === 0) process.exit(2)

const first = values.first === 'now' ? Date.now() : Number(values.first)
const time = () => new Date().toISOString().slice(11, 23)
const say = values.say ? (line: string) => void process.stderr.write(`${time()} ${line}\n`) : undefined
for (let run = 0; run < Number(values.seeds); run++) {
  const seed = `${first + run}`
  const startedAt = performance.now()
  if (values.keep !== undefined) rmSync(values.keep, { recursive: true, force: true })
  const outcome = await torture({ seed, seconds: Number(values.seconds), clients, say, directory: values.keep })
  const { violations, troubles, ...counts } = outcome
  const took = Math.round((performance.now() - startedAt) / 1000)
  process.stdout.write(`${JSON.stringify({ seed, took, ...counts, violations: violations.length })}\n`)
  if (say) for (const [what, count] of troubles) say(`${count} × ${what}`)
  if (violations.length === 0) continue
  for (const violation of violations) process.stdout.write(`${textOf(violation)}\n`)
  process.stdout.write(
    `npm run torture -- --first ${seed} --seeds 1 --seconds ${values.seconds} --clients ${values.clients} --say\n`,
  )
  process.exit(1)
}
