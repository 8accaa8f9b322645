// Starts mirrors as child processes, kills them, and asks them how they are.
import { type ChildProcess, fork } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import type { MirrorStatus } from '../../src/mirror/status.ts'
import type { MirrorChildOptions } from './mirror-child.ts'

const CHILD = fileURLToPath(new URL('./mirror-child.ts', import.meta.url))

export interface MirrorExit {
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
}

export class MirrorProcess {
  readonly exited: Promise<MirrorExit>
  readonly #child: ChildProcess
  #isOver = false

  constructor(options: MirrorChildOptions, failpoint?: string) {
    const env = {
      ...process.env,
      HELIOSTAT_MIRROR_CHILD: JSON.stringify(options),
      HELIOSTAT_FAILPOINT: failpoint ?? '',
    }
    this.#child = fork(CHILD, { env, execArgv: ['--no-warnings'], stdio: ['ignore', 'inherit', 'inherit', 'ipc'] })
    this.exited = new Promise((resolve) => {
      this.#child.once('exit', (code, signal) => {
        this.#isOver = true
        resolve({ code, signal })
      })
    })
  }

  get pid(): number {
    return this.#child.pid!
  }

  get isOver(): boolean {
    return this.#isOver
  }

  status(): Promise<MirrorStatus> {
    return new Promise((resolve, reject) => {
      this.#child.once('message', function heard(this: ChildProcess, message) {
        if (message === 'started') this.once('message', heard)
        else resolve(message as MirrorStatus)
      })
      this.#child.send('status', (error) => {
        if (error) reject(error)
      })
    })
  }

  async kill(signal: NodeJS.Signals = 'SIGKILL'): Promise<MirrorExit> {
    if (!this.#isOver) this.#child.kill(signal)
    return this.exited
  }
}
