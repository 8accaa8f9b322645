// Threads of this machine, as Node's worker threads.
import { availableParallelism } from 'node:os'
import { basename, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parentPort, Worker } from 'node:worker_threads'
import { packageFolder } from './node-package.ts'
import type { Thread, ThreadListener, Threads } from './platform.ts'

export function nodeThreads(): Threads {
  return { cores: availableParallelism(), start }
}

function start(program: URL, listener: ThreadListener): Thread {
  // Arguments of this process may be about its own program, such as --input-type; NODE_OPTIONS hold for both.
  const worker = new Worker(published(program), { execArgv: [] })
  let failure: Error | undefined
  let isOver = false
  worker.on('message', (message) => {
    if (!isOver) listener.posted(message)
  })
  worker.on('error', (error) => {
    failure = error
  })
  worker.on('exit', () => {
    isOver = true
    listener.ended(failure)
  })
  return {
    post: (message) => worker.postMessage(message),
    stop: async () => void (await worker.terminate()),
  }
}

/** A program of the source lies elsewhere where the package is published: beside the entries, as JavaScript. */
function published(program: URL): URL | string {
  if (import.meta.url.endsWith('.ts')) return program
  return join(packageFolder(), 'dist', basename(fileURLToPath(program)).replace(/\.ts$/, '.js'))
}

/** The other end, for the program of a thread: what is posted to it, and the way back. It lives as long as it listens. */
export function startedThread(posted: (message: unknown) => void): { post(message: unknown): void } {
  if (!parentPort) throw new Error('this program is for a thread of its own')
  const port = parentPort
  port.on('message', posted)
  return { post: (message) => port.postMessage(message) }
}
