import { nodePlatform } from '../platform/node-platform.ts'
import { type Platform, sleep } from '../platform/platform.ts'
import { totalsOf } from '../server/flow-view.ts'
import { Rates } from '../server/rates.ts'
import { other, Play } from './demo/play.ts'
import { screenLines } from './demo/screen.ts'
import { playScript } from './demo/script.ts'
import { exitCode } from './exit-code.ts'
import { untilSignal } from './until-signal.ts'

export interface DemoOptions {
  readonly scripted: boolean
  readonly seconds: number
}

/** Two datacenters, live traffic, the mirror, the page. Everything is in memory and gone at the end. */
export async function demo(options: DemoOptions): Promise<number> {
  const platform = nodePlatform({ log: { level: 'silent' } })
  const play = new Play(platform)
  try {
    await play.begin(0)
    return options.scripted ? await scripted(play, options.seconds) : await live(play, platform)
  } finally {
    await play.end()
  }
}

async function scripted(play: Play, seconds: number): Promise<number> {
  const say = (line: string) => process.stdout.write(`${line}\n`)
  say(`page: ${play.daemon.url}`)
  const { lines, passed } = await playScript(play, seconds, say)
  say('')
  for (const line of lines) say(line)
  say(passed ? '\nEvery record is accounted for.' : '\nThe ledger does not balance.')
  return passed ? exitCode.ok : exitCode.failed
}

async function live(play: Play, platform: Platform): Promise<number> {
  const show = new LiveScreen(play, platform)
  const keys = process.stdin.isTTY ? readKeys((key) => show.key(key)) : undefined
  play.note('The groups billing and analytics read what the shop writes to east. Press c to cut the link.')
  const drawing = show.run()
  await Promise.race([untilSignal(), show.quit])
  keys?.()
  show.stop()
  await drawing
  process.stdout.write(
    '\nStart your own: heliostat create > heliostat.yaml · heliostat lint heliostat.yaml · heliostat run heliostat.yaml\n',
  )
  return exitCode.ok
}

/** Single keys without Return; the returned function gives the terminal back. */
function readKeys(onKey: (key: string) => void): () => void {
  const { stdin } = process
  const listener = (bytes: Buffer) => {
    for (const key of bytes.toString()) onKey(key)
  }
  stdin.setRawMode(true)
  stdin.resume()
  stdin.on('data', listener)
  return () => {
    stdin.off('data', listener)
    stdin.setRawMode(false)
    stdin.pause()
  }
}

const drawEveryMs = 500
const plainEveryMs = 5_000

class LiveScreen {
  readonly quit: Promise<void>
  readonly #play: Play
  readonly #platform: Platform
  readonly #rates: Rates
  readonly #tty = process.stdout.isTTY === true
  #resolveQuit = () => {}
  #stopped = false
  #busy = false
  #drawn = 0

  constructor(play: Play, platform: Platform) {
    this.#play = play
    this.#platform = platform
    this.#rates = new Rates(platform.clock)
    this.quit = new Promise((resolve) => {
      this.#resolveQuit = resolve
    })
  }

  /** Draws until stopped; without a terminal a plain block now and then. */
  async run(): Promise<void> {
    while (!this.#stopped) {
      this.#rates.sample(this.#play.daemon.flows.values())
      this.#draw()
      await sleep(this.#platform.clock, this.#tty ? drawEveryMs : plainEveryMs)
    }
  }

  stop(): void {
    this.#stopped = true
  }

  key(key: string): void {
    // In raw mode Ctrl-C is a byte like any other.
    if (key === 'q' || key === '\u0003') this.#resolveQuit()
    else if (key === 'c') void this.#do(() => this.#cut())
    else if (key === 's') this.#slow()
    else if (key === 'h') void this.#do(() => this.#heal())
  }

  /** One thing at a time; what goes wrong is shown and the play goes on. */
  async #do(act: () => Promise<void>): Promise<void> {
    if (this.#busy) return
    this.#busy = true
    try {
      await act()
    } catch (error) {
      this.#play.note(`That went wrong: ${(error as Error).message}`)
    }
    this.#busy = false
  }

  async #cut(): Promise<void> {
    const play = this.#play
    const side = play.active
    const to = other(side)
    if (play.isCut) return
    play.cut()
    play.note(`The link is cut: ${side} is on its own. The shop and the groups move to ${to} …`)
    await play.stopProducing()
    await play.stopReading()
    const { missing } = await play.compare(side)
    const reread = this.#sum((account) => account.reread)
    const skipped = this.#sum((account) => account.skipped)
    await play.readAt(to)
    await play.produceAt(to)
    await sleep(this.#platform.clock, 2_000)
    play.note(
      `Resumed at ${to} at the exact record: skipped ${this.#sum((a) => a.skipped) - skipped}, re-read ${this.#sum((a) => a.reread) - reread}; ${missing} records wait at ${side}. Press h to heal the link.`,
    )
  }

  #slow(): void {
    if (this.#play.isCut) return
    this.#play.slow()
    this.#play.note('The link is slow and thin now: watch the lag. Press h to heal it.')
  }

  async #heal(): Promise<void> {
    const play = this.#play
    const { isCut, active } = play
    play.heal()
    if (!isCut) return play.note('The link has its usual speed.')
    const side = other(active)
    await play.drained(side)
    play.note(`The link is healed, and what had not crossed from ${side} has drained. Press c to cut it again.`)
  }

  #sum(value: (account: ReturnType<Play['ledger']['accounts']>[number]) => number): number {
    return this.#play.ledger.accounts().reduce((total, account) => total + value(account), 0)
  }

  #draw(): void {
    const play = this.#play
    const lines = screenLines(
      {
        url: play.daemon.url,
        bootstrap: { east: play.bootstrap('east'), west: play.bootstrap('west') },
        link: play.link.status(),
        produced: play.ledger.total,
        producingTo: play.active,
        flows: [...play.daemon.flows.values()].map((flow) => {
          const status = flow.status()
          const { lagRecords } = totalsOf(status)
          return { name: flow.name, state: status.state, rpoMs: status.rpoMs, lagRecords, ...this.#rates.of(flow.name) }
        }),
        groups: play.ledger.accounts().map((account) => ({ ...account, at: play.readingAt })),
        notes: play.notes,
        keys: this.#tty
          ? 'c cut the link, move to the other side · s slow it down · h heal it · q quit'
          : 'Ctrl-C ends',
      },
      this.#tty && process.env['NO_COLOR'] === undefined,
    )
    const up = this.#tty && this.#drawn > 0 ? `\u001b[${this.#drawn}A` : ''
    const clear = this.#tty ? '\u001b[J' : ''
    process.stdout.write(`${up}${clear}${lines.join('\n')}\n`)
    this.#drawn = lines.length
  }
}
