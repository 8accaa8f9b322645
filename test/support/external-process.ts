// A program from outside, started for a test or a figure: what it printed, when it ended, and that it does not outlive us.
//
// Invariants
//  1. `exited` settles exactly once, after the last byte of output was read.
//  2. The program ends with the process that started it, even when that one is killed: a watchdog shell waits on a pipe
//     that only we hold open.
import { type ChildProcess, spawn } from 'node:child_process'

export interface ExternalExit {
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
}

export interface ExternalOptions {
  readonly env?: Readonly<Record<string, string>>
  readonly cwd?: string
  /** Written to its standard input, which is then closed. Absent: standard input stays open for `write`. */
  readonly input?: string | Buffer
  /** Hears each line of its standard output, which is not kept then: for a program that has much to tell. */
  readonly onLine?: (line: string) => void
}

export class ExternalProcess {
  readonly exited: Promise<ExternalExit>
  readonly #child: ChildProcess
  readonly #watchdog: ChildProcess
  readonly #command: string
  readonly #waiting = new Set<() => void>()
  #stdout = ''
  #stderr = ''
  #exit: ExternalExit | undefined

  constructor(command: string, args: readonly string[], options: ExternalOptions = {}) {
    this.#command = command
    this.#child = spawn(command, args, { cwd: options.cwd, env: { ...process.env, ...options.env } })
    this.#watchdog = spawn('sh', ['-c', `read _; kill -9 ${this.pid} 2>/dev/null`], {
      stdio: ['pipe', 'ignore', 'ignore'],
    })
    this.#watchdog.unref()
    this.#child.stdout!.setEncoding('utf8').on('data', (text: string) => {
      this.#heard(() => {
        this.#stdout += text
        if (options.onLine) this.#tell(options.onLine)
      })
    })
    this.#child.stderr!.setEncoding('utf8').on('data', (text: string) => this.#heard(() => (this.#stderr += text)))
    // Writing to a program that has ended is an error of the pipe; its exit code says more.
    this.#child.stdin!.on('error', () => this.#child.stdin!.destroy())
    if (options.input !== undefined) this.#child.stdin!.end(options.input)
    this.exited = new Promise((resolve) => {
      this.#child.on('error', (error) => this.#heard(() => (this.#stderr += `${error.message}\n`)))
      this.#child.on('close', (code, signal) => {
        this.#exit = { code, signal }
        this.#watchdog.kill('SIGKILL')
        this.#heard(() => resolve(this.#exit!))
      })
    })
  }

  get pid(): number {
    return this.#child.pid ?? 0
  }

  get stdout(): string {
    return this.#stdout
  }

  get stderr(): string {
    return this.#stderr
  }

  get running(): boolean {
    return this.#exit === undefined
  }

  write(text: string): void {
    this.#child.stdin!.write(text)
  }

  endInput(): void {
    this.#child.stdin!.end()
  }

  kill(signal: NodeJS.Signals = 'SIGKILL'): Promise<ExternalExit> {
    this.#child.kill(signal)
    return this.exited
  }

  /** Resolves when `condition` holds of what was printed; rejects when the program ends or `timeoutMs` passes before. */
  until(condition: (process: ExternalProcess) => boolean, what: string, timeoutMs = 60_000): Promise<void> {
    return new Promise((resolve, reject) => {
      const settle = (error?: Error) => {
        clearTimeout(timer)
        this.#waiting.delete(look)
        if (error) reject(error)
        else resolve()
      }
      const look = () => {
        if (condition(this)) settle()
        else if (!this.running) settle(this.#failure(`ended before ${what}`))
      }
      const timer = setTimeout(() => settle(this.#failure(`${what}: not within ${timeoutMs} ms`)), timeoutMs)
      this.#waiting.add(look)
      look()
    })
  }

  /** Only the line that is not whole yet is kept. */
  #tell(onLine: (line: string) => void): void {
    const lines = this.#stdout.split('\n')
    this.#stdout = lines.pop()!
    for (const line of lines) onLine(line)
  }

  #heard(change: () => void): void {
    change()
    for (const look of [...this.#waiting]) look()
  }

  #failure(what: string): Error {
    return new Error(`${this.#command} ${what}\n${this.#stderr.slice(-4000)}\n${this.#stdout.slice(-4000)}`)
  }
}

export interface ExternalResult extends ExternalExit {
  readonly stdout: string
  readonly stderr: string
}

/** Runs a program to its end. Does not reject on a bad exit code: that is for the case to judge. */
export async function runExternal(
  command: string,
  args: readonly string[],
  options: ExternalOptions & { timeoutMs?: number } = {},
): Promise<ExternalResult> {
  const program = new ExternalProcess(command, args, { input: '', ...options })
  const timer = setTimeout(() => void program.kill(), options.timeoutMs ?? 60_000)
  const exit = await program.exited
  clearTimeout(timer)
  return { ...exit, stdout: program.stdout, stderr: program.stderr }
}
