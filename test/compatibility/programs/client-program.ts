// A client from outside as a program that runs named cases: started once for a ground, told a name on a line, it answers with a line of
// JSON, in any order.
import { ExternalProcess } from '../../support/external-process.ts'
import type { RunningGround } from '../ground.ts'
import type { CaseName } from './client-cases.ts'

export interface ClientProgram {
  /** As its users call the client. */
  readonly name: string
  /** What it can do; the program must have exactly these. */
  readonly cases: readonly CaseName[]
  /** How it is started, once what it needs is fetched and built; or why it cannot be had here. */
  prepare(): Promise<Command | { readonly reason: string }>
}

export interface Command {
  readonly command: string
  readonly args: readonly string[]
  readonly env?: Readonly<Record<string, string>>
  readonly reason?: undefined
}

/** What a program is told about the cluster, as JSON. */
export type Surroundings = Pick<RunningGround, 'bootstrap' | 'brokers' | 'tls' | 'sasl'>

interface Answer {
  readonly case: string
  readonly ok: boolean
  readonly why?: string
}

export class RunningProgram {
  readonly #process: ExternalProcess
  readonly #name: string

  private constructor(name: string, process: ExternalProcess) {
    this.#name = name
    this.#process = process
  }

  static async start(program: ClientProgram, how: Command, surroundings: Surroundings): Promise<RunningProgram> {
    const { command, args, env = {} } = how
    const process = new ExternalProcess(command, [...args, JSON.stringify(surroundings)], { env })
    await process.until(({ stdout }) => stdout.includes('\n'), 'it said which cases it has')
    return new RunningProgram(program.name, process)
  }

  /** The names of its cases. */
  get cases(): readonly string[] {
    return JSON.parse(this.#process.stdout.split('\n')[0]!).cases
  }

  /** Runs one case; throws what the program found wrong. */
  async run(name: CaseName, timeoutMs: number): Promise<void> {
    this.#process.write(`${name}\n`)
    let answer: Answer | undefined
    await this.#process.until(
      ({ stdout }) => {
        answer = answersIn(stdout).find((one) => one.case === name)
        return answer !== undefined
      },
      `answered the case ${name}`,
      timeoutMs,
    )
    if (!answer!.ok) throw new Error(`${this.#name}, ${name}: ${answer!.why}`)
  }

  async stop(): Promise<void> {
    await this.#process.kill()
  }
}

function answersIn(stdout: string): Answer[] {
  const whole = stdout.split('\n').slice(1, -1)
  return whole.filter((line) => line.startsWith('{"case"')).map((line) => JSON.parse(line))
}
