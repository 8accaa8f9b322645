// `npm run simulate`: plays disasters, a seed after the other, each twice, and ends with the command that replays the first that failed.
//   --scenario NAME   those whose names begin so; absent: all
//   --seeds 100       how many of each, from --first 1 on; fresh ones with --first now
//   --seconds 60      how long things go wrong, if not as long as the scenario says
//   --minutes 60      instead: fresh seeds for so long, each scenario for as long as the others; what fails is told, and the rest goes on;
//                     every tenth seed is played twice
//   --once            none is: does not compare two runs of a seed
//   --bug NAME        puts a planted bug in;  --bugs: looks for each of them, and tells how many seeds it took
//   --list            what there is
import { parseArgs } from 'node:util'
import { plantedBugs } from './planted-bugs.ts'
import { Invalid, type Outcome, play, playTwice, type Scenario } from './scenario.ts'
import { scenarios } from './scenarios.ts'

const { values } = parseArgs({
  options: {
    scenario: { type: 'string', default: '' },
    seeds: { type: 'string', default: '100' },
    first: { type: 'string', default: '1' },
    seconds: { type: 'string' },
    minutes: { type: 'string' },
    once: { type: 'boolean', default: false },
    bug: { type: 'string' },
    bugs: { type: 'boolean', default: false },
    list: { type: 'boolean', default: false },
  },
})

const say = (line: string) => void process.stdout.write(`${line}\n`)

function refuse(message: string): never {
  process.stderr.write(`${message}\n`)
  process.exit(2)
}

function whole(name: 'seeds' | 'seconds' | 'minutes', text: string): number {
  const value = Number(text)
  if (Number.isSafeInteger(value) && value >= 1) return value
  return refuse(`--${name} is a whole number above 0, not ${text}`)
}

const seeds = whole('seeds', values.seeds)
const first = values.first === 'now' ? Date.now() : Number(values.first)
if (!Number.isSafeInteger(first) || first < 0) refuse(`--first is a seed, or now, not ${values.first}`)
const seconds = values.seconds === undefined ? undefined : whole('seconds', values.seconds)
const minutes = values.minutes === undefined ? undefined : whole('minutes', values.minutes)
const bug = values.bug === undefined ? undefined : plantedBugs.find(({ name }) => name === values.bug)
if (values.bug !== undefined && !bug) refuse(`--bug is one of: ${plantedBugs.map(({ name }) => name).join('; ')}`)

/** What many runs saw, added up. */
class Sum {
  readonly #counts = new Map<string, number>()
  /** Seeds of which two runs were compared. */
  #compared = 0
  #spentMs = 0
  #cpuMs = 0
  #simulatedMs = 0
  #events = 0
  runs = 0

  /** How long playing took, whatever came of it. */
  async timed<T>(work: () => Promise<T>): Promise<T> {
    const begun = performance.now()
    const cpu = process.cpuUsage()
    try {
      return await work()
    } finally {
      this.#spentMs += performance.now() - begun
      const { user, system } = process.cpuUsage(cpu)
      this.#cpuMs += (user + system) / 1000
    }
  }

  get cpuMs(): number {
    return this.#cpuMs
  }

  add({ bites, records, simulatedMs, trace }: Outcome, times: 1 | 2): void {
    this.runs++
    if (times === 2) this.#compared++
    this.#simulatedMs += simulatedMs * times
    this.#events += trace.events * times
    for (const [name, count] of [['records', records] as const, ...bites])
      this.#counts.set(name, (this.#counts.get(name) ?? 0) + count)
  }

  text(): string {
    const seconds = this.#spentMs / 1000
    const counts = [...this.#counts].map(([name, count]) => `${name} ${count}`).join(', ')
    const faster = (thanMs: number) => `${Math.round(this.#simulatedMs / thanMs)} ×`
    const minutes = (this.#simulatedMs / 60_000).toFixed(1)
    const cpu = `${(this.#cpuMs / 1000).toFixed(1)} s of CPU`
    const played = `${minutes} simulated minutes and ${this.#events} events in ${seconds.toFixed(1)} s (${cpu})`
    return `${this.runs} seeds, ${this.#compared} of them twice: ${counts}; ${played}, ${faster(this.#spentMs)} real time (${faster(this.#cpuMs)} CPU time)`
  }
}

/** What failed is told, and thrown. */
async function playOne(scenario: Scenario, seed: number, sum: Sum, isCompared: boolean): Promise<void> {
  const playIt = isCompared ? playTwice : play
  try {
    const outcome = await sum.timed(() => playIt(scenario, seed, { seconds, bug: values.bug }))
    sum.add(outcome, isCompared ? 2 : 1)
  } catch (error) {
    say(`${scenario.name}, seed ${seed}: ${(error as Error).message}`)
    if ((error as Error).cause) process.stderr.write(`${((error as Error).cause as Error).stack}\n`)
    throw error
  }
}

async function run(scenario: Scenario): Promise<boolean> {
  const sum = new Sum()
  for (let seed = first; seed < first + seeds; seed++)
    if (!(await playOne(scenario, seed, sum, !values.once).then(isTrue, () => false))) return false
  say(`${scenario.name}: ${sum.text()}`)
  return true
}

const isTrue = () => true

interface Share {
  readonly scenario: Scenario
  readonly sum: Sum
  seed: number
  failed: number
  invalid: number
}

const COMPARED_EVERY = 10

/** Whoever has had the least time is next, so that what is cheap is played more often. */
async function runFor(chosen: readonly Scenario[], limitMs: number): Promise<boolean> {
  const start = values.first === '1' ? Date.now() : first
  const shares = chosen.map((scenario): Share => {
    return { scenario, sum: new Sum(), seed: start, failed: 0, invalid: 0 }
  })
  let isOver = false
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => (isOver = true))
  for (const end = performance.now() + limitMs; performance.now() < end && !isOver; ) {
    const share = shares.reduce((least, one) => (one.sum.cpuMs < least.sum.cpuMs ? one : least))
    const isCompared = !values.once && (share.seed - start) % COMPARED_EVERY === 0
    await playOne(share.scenario, share.seed++, share.sum, isCompared).catch((error: Error) => {
      if (error instanceof Invalid) share.invalid++
      else share.failed++
    })
  }
  for (const { scenario, sum, failed, invalid } of shares)
    say(`${scenario.name}: ${failed} of ${sum.runs + failed + invalid} failed, ${invalid} invalid; ${sum.text()}`)
  const total = (count: (share: Share) => number) => shares.reduce((all, share) => all + count(share), 0)
  say(`${total(({ sum }) => sum.runs)} seeds from ${start} on passed, ${total(({ failed }) => failed)} failed`)
  return shares.every(({ failed }) => failed === 0)
}

/** A table of the bugs and the seeds that each took. */
async function lookForBugs(): Promise<boolean> {
  let isAllFound = true
  say('| planted bug | scenario | seeds | found by |\n| --- | --- | --- | --- |')
  for (const { name, scenario, plant, finds, seconds: length } of bug ? [bug] : plantedBugs) {
    let found: { seed: number; message: string } | undefined
    for (let seed = first; seed < first + seeds && !found; seed++) {
      const takeOut = plant()
      const message = await play(scenario, seed, { seconds: length }).then(
        () => undefined,
        (error: Error) => error.message,
      )
      takeOut()
      if (message !== undefined && finds.test(message)) found = { seed, message }
      else if (message !== undefined) process.stderr.write(`${name}, seed ${seed}: ${message}\n`)
    }
    isAllFound &&= found !== undefined
    const by = (found?.message.split('\n')[0] ?? '**nothing**').replace(/, first.*/, '')
    say(`| ${name} | ${scenario.name} | ${found ? found.seed - first + 1 : `more than ${seeds}`} | ${by} |`)
  }
  return isAllFound
}

async function all(): Promise<boolean> {
  if (values.bugs) return lookForBugs()
  bug?.plant()
  const named = bug && values.scenario === '' ? [bug.scenario] : scenarios
  const chosen = named.filter(({ name }) => name.startsWith(values.scenario))
  if (chosen.length === 0) refuse(`--scenario is one of: ${scenarios.map(({ name }) => name).join('; ')}`)
  if (minutes !== undefined) return runFor(chosen, minutes * 60_000)
  for (const scenario of chosen) if (!(await run(scenario))) return false
  return true
}

if (values.list) for (const { name, shows } of scenarios) say(`${name}: ${shows}`)
else if (!(await all())) process.exitCode = 1
