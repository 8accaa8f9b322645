// A run is put together from four things that know nothing of each other: what there is, what is done with it, what goes wrong, and
// what must hold in the end.
import { textOf, type Violation } from '../oracle/violation.ts'
import { World } from './world.ts'

/** Starts the clusters and the mirrors. */
export type Topology = (world: World) => Promise<void>

/** Begins to work; what it returns ends that. */
export type Workload = (world: World) => () => void

/** Lets time pass, with what goes wrong in it; everything is undone afterwards. */
export type Faults = (world: World, seconds: number) => Promise<void>

/** Waits as long as it may, looks, and tells what is wrong. */
export type Checker = (world: World) => Promise<readonly Violation[]>

export interface Scenario {
  readonly name: string
  /** In a sentence. */
  readonly shows: string
  /** How long things go wrong, in simulated time, if nothing else is said. */
  readonly seconds: number
  readonly topology: Topology
  readonly workloads: readonly Workload[]
  readonly faults: Faults
  readonly checkers: readonly Checker[]
  /** Each of these must have bitten; and if there are none, anything at all. */
  readonly mustBite?: readonly string[]
}

export interface Outcome {
  readonly trace: { readonly events: number; readonly hash: string; readonly marks: readonly number[] }
  readonly simulatedMs: number
  readonly bites: ReadonlyMap<string, number>
  readonly records: number
  readonly figures: ReadonlyMap<string, number>
}

export interface Play {
  readonly seconds?: number
  /** For the line that replays it. */
  readonly bug?: string
}

/** What must hold did not. */
class Violated extends Error {
  readonly violations: readonly Violation[]

  constructor(violations: readonly Violation[], replay: string) {
    super([...violations.map(textOf), `replay it: ${replay}`].join('\n'))
    this.name = 'Violated'
    this.violations = violations
  }
}

/** Nothing went wrong that should have, so that nothing is shown. */
export class Invalid extends Error {
  constructor(fault: string, replay: string) {
    super(`${fault} did not bite, so this run shows nothing\nreplay it: ${replay}`)
    this.name = 'Invalid'
  }
}

export async function play(scenario: Scenario, seed: number, options: Play = {}): Promise<Outcome> {
  const { seconds = scenario.seconds } = options
  const replay = replayLine(scenario, seed, options)
  const world = new World(seed)
  const onRejection = (reason: unknown) => world.broken(reason as Error)
  process.on('unhandledRejection', onRejection)
  try {
    await lifeOf(world, scenario, seconds, replay)
  } catch (error) {
    if (error instanceof Violated || error instanceof Invalid) throw error
    throw new Error(`${(error as Error).message}\nreplay it: ${replay}`, { cause: error })
  } finally {
    process.off('unhandledRejection', onRejection)
  }
  const { simulation, bites, figures, history } = world
  return { trace: simulation.trace, simulatedMs: simulation.now, bites, figures, records: history.size }
}

async function lifeOf(world: World, scenario: Scenario, seconds: number, replay: string): Promise<void> {
  await scenario.topology(world)
  const ends = scenario.workloads.map((begin) => begin(world))
  await scenario.faults(world, seconds)
  world.heal()
  for (const end of ends) end()
  const violations: Violation[] = []
  try {
    for (const check of scenario.checkers) violations.push(...(await check(world)))
  } catch (error) {
    // What broke before is the reason of whatever follows.
    throw world.errors[0] ?? error
  }
  if (world.errors[0]) throw world.errors[0]
  if (violations.length > 0) throw new Violated(violations, replay)
  const { mustBite = [] } = scenario
  const toothless = mustBite.find((fault) => !world.bites.has(fault))
  if (toothless !== undefined) throw new Invalid(toothless, replay)
  if (world.bites.size === 0) throw new Invalid('any fault', replay)
}

/** The same seed twice: the same run, or something decides that no seed replays. */
export async function playTwice(scenario: Scenario, seed: number, options: Play = {}): Promise<Outcome> {
  const first = await play(scenario, seed, options)
  const second = await play(scenario, seed, options)
  if (first.trace.hash === second.trace.hash) return first
  const mark = first.trace.marks.findIndex((hash, at) => hash !== second.trace.marks[at])
  const where = mark < 0 ? 'after the last mark' : `before event ${(mark + 1) * 1000}`
  throw new Error(
    `two runs of a seed differ, ${where} (${first.trace.events} and ${second.trace.events} events)\nreplay it: ${replayLine(scenario, seed, options)}`,
  )
}

function replayLine({ name, seconds }: Scenario, seed: number, options: Play): string {
  const length = options.seconds === undefined || options.seconds === seconds ? '' : ` --seconds ${options.seconds}`
  const bug = options.bug === undefined ? '' : ` --bug '${options.bug}'`
  return `npm run simulate -- --scenario '${name}' --first ${seed} --seeds 1${length}${bug}`
}
