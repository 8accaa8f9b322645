// The brokers of one cluster, each a process of its own with its logs on disk, which can be killed, frozen, and started again.
import { appendFileSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { ExternalProcess } from './external-process.ts'

/** The command line of this checkout, run as it stands. */
export const heliostatMain = join(import.meta.dirname, '..', '..', 'src', 'cli', 'main.ts')

const RUN = 10

/** The first of a run of ports that nobody listens on now, and neither on those ten thousand above, where brokers meet. */
export async function freePorts(count: number): Promise<number> {
  // Processes side by side look at runs that have no port in common, nor one that is ten thousand above.
  for (let port = 21_000 + ((process.pid * RUN) % 10_000); ; port += RUN) {
    const wanted = Array.from({ length: count }, (_, index) => [port + index, port + index + 10_000]).flat()
    const free = await Promise.all(wanted.map(isFree))
    if (free.every(Boolean)) return port
  }
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer()
    server.once('error', () => resolve(false))
    server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)))
  })
}

export interface BrokerProcessesOptions {
  /** Broker properties by Kafka's names. */
  readonly config?: Readonly<Record<string, string | number>>
  /** What is run; the checkout as it stands, if nothing else is said. */
  readonly main?: string
  /** Holds the data of all brokers, and what they logged; absent: a folder that goes with the cluster. */
  readonly directory?: string
  /** What they log; warnings, if nothing else is said. */
  readonly logLevel?: string
}

const CLUSTER = 'east'
const brokers = 3
const readyMs = 60_000

/**
 * 1. A broker runs at most once; frozen, it still runs.
 * 2. After `stop` no process is left, nor the directory, unless it was given.
 */
export class BrokerProcesses {
  readonly ids: readonly number[] = Array.from({ length: brokers }, (_, index) => index + 1)
  readonly bootstrap: string
  readonly #port: number
  readonly #directory: string
  readonly #main: string
  readonly #logLevel: string
  readonly #keep: boolean
  readonly #running = new Map<number, ExternalProcess>()
  readonly #remove = () => rmSync(this.#directory, { recursive: true, force: true })

  private constructor(
    port: number,
    directory: string,
    { config = {}, main, directory: given, logLevel }: BrokerProcessesOptions,
  ) {
    this.#port = port
    this.#directory = directory
    this.#main = main ?? heliostatMain
    this.#logLevel = logLevel ?? 'warn'
    this.#keep = given !== undefined
    this.bootstrap = this.ids.map((id) => this.addressOf(id)).join(',')
    if (!this.#keep) process.once('exit', this.#remove)
    const cluster = { brokers, port, data: join(directory, 'data'), config }
    writeFileSync(this.#file, JSON.stringify({ version: 1, clusters: { [CLUSTER]: cluster } }))
  }

  /** Resolves when all of them serve. */
  static async start(options: BrokerProcessesOptions = {}): Promise<BrokerProcesses> {
    const directory = options.directory ?? mkdtempSync(join(tmpdir(), 'heliostat-processes-'))
    mkdirSync(directory, { recursive: true })
    const cluster = new BrokerProcesses(await freePorts(brokers), directory, options)
    try {
      await Promise.all(cluster.ids.map((id) => cluster.start(id)))
    } catch (error) {
      await cluster.stop()
      throw error
    }
    return cluster
  }

  addressOf(id: number): string {
    return `127.0.0.1:${this.#port + id - 1}`
  }

  /** Where this broker has its logs. */
  dataOf(id: number): string {
    return join(this.#directory, 'data', `${id}`)
  }

  pidOf(id: number): number | undefined {
    return this.#running.get(id)?.pid
  }

  isRunning(id: number): boolean {
    return this.#running.get(id)?.running ?? false
  }

  /** What the broker has logged in this life. */
  logOf(id: number): string {
    return this.#running.get(id)?.stderr ?? ''
  }

  /** Resolves when it serves, with what is on its disk. */
  async start(id: number): Promise<void> {
    if (this.isRunning(id)) return
    const args = ['broker', this.#file, '--node', `${CLUSTER}/${id}`, '--control', '0', '--log-level', this.#logLevel]
    const broker = new ExternalProcess(process.execPath, [this.#main, ...args])
    this.#running.set(id, broker)
    if (this.#keep) void broker.exited.then(() => appendFileSync(join(this.#directory, `${id}.log`), broker.stderr))
    await broker.until(({ stdout }) => stdout.includes('\n'), 'a ready line', readyMs)
  }

  /** kill -9; resolves when it is gone. */
  async kill(id: number): Promise<void> {
    await this.#running.get(id)?.kill('SIGKILL')
  }

  freeze(id: number): void {
    this.#signal(id, 'SIGSTOP')
  }

  thaw(id: number): void {
    this.#signal(id, 'SIGCONT')
  }

  /** In order, one after the other; all that was written is on the disks then. */
  async leave(): Promise<void> {
    for (const id of this.ids) await this.#running.get(id)?.kill('SIGTERM')
  }

  async stop(): Promise<void> {
    await Promise.all(this.ids.map((id) => this.kill(id)))
    if (this.#keep) return
    process.off('exit', this.#remove)
    this.#remove()
  }

  get #file(): string {
    return join(this.#directory, 'topology.yaml')
  }

  #signal(id: number, signal: NodeJS.Signals): void {
    const broker = this.#running.get(id)
    if (broker?.running) process.kill(broker.pid, signal)
  }
}
