// A real Redis for one suite: in a container where an engine answers, else the machine's own `redis-server`, else there is none, and
// `redisUnavailable` says why.
import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { connect, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

export interface RunningRedis {
  readonly url: string
  /** As a machine that loses its power; what it held is gone. */
  kill(): Promise<void>
  /** On the same address. */
  restart(): Promise<void>
  /** Its connections stand, and nobody answers on them, until it is thawed. */
  freeze(): void
  thaw(): void
  stop(): Promise<void>
}

const IMAGE = 'redis:7-alpine'
const START_MS = 10_000

export function redisUnavailable(): string | undefined {
  if (hasContainerEngine() || hasBinary()) return undefined
  return 'no container engine answers, and there is no redis-server on the PATH'
}

export async function startRedis(): Promise<RunningRedis> {
  return hasContainerEngine() ? startContainer() : startBinary()
}

function hasContainerEngine(): boolean {
  const host = process.env['DOCKER_HOST']
  if (host === undefined && !existsSync('/var/run/docker.sock')) return false
  return spawnSync('docker', ['info'], { timeout: 5_000, stdio: 'ignore' }).status === 0
}

const hasBinary = () => spawnSync('redis-server', ['--version'], { timeout: 5_000, stdio: 'ignore' }).status === 0

async function startContainer(): Promise<RunningRedis> {
  const { GenericContainer } = await import('testcontainers')
  const port = await freePort()
  const start = () =>
    new GenericContainer(IMAGE)
      .withExposedPorts({ container: 6379, host: port })
      .withCommand(['redis-server', '--save', '', '--appendonly', 'no'])
      .start()
  let container = await start()
  return {
    url: `redis://${container.getHost()}:${port}`,
    kill: async () => void (await container.stop({ timeout: 0 })),
    restart: async () => {
      container = await start()
    },
    freeze: () => void spawnSync('docker', ['pause', container.getId()]),
    thaw: () => void spawnSync('docker', ['unpause', container.getId()]),
    stop: async () => void (await container.stop()),
  }
}

async function startBinary(): Promise<RunningRedis> {
  const folder = mkdtempSync(join(tmpdir(), 'heliostat-redis-'))
  const port = await freePort()
  let child: ChildProcess
  const start = async () => {
    const options = ['--port', port, '--bind', '127.0.0.1', '--dir', folder, '--save', '', '--appendonly', 'no']
    child = spawn('redis-server', options.map(String), { stdio: 'ignore' })
    await answering(port)
  }
  const kill = () =>
    new Promise<void>((resolve) => {
      if (child.exitCode !== null || child.signalCode !== null) return resolve()
      child.once('exit', () => resolve())
      child.kill('SIGKILL')
    })
  await start()
  return {
    url: `redis://127.0.0.1:${port}`,
    kill,
    restart: start,
    freeze: () => void child.kill('SIGSTOP'),
    thaw: () => void child.kill('SIGCONT'),
    stop: async () => {
      await kill()
      rmSync(folder, { recursive: true, force: true })
    },
  }
}

function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer().once('error', reject)
    server.listen(0, '127.0.0.1', () => {
      const address = server.address()
      server.close(() => resolve((address as { port: number }).port))
    })
  })
}

async function answering(port: number): Promise<void> {
  const deadline = Date.now() + START_MS
  while (!(await answers(port))) {
    if (Date.now() > deadline) throw new Error(`redis-server does not listen on ${port}`)
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
}

function answers(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1')
    socket.once('connect', () => resolve(true)).once('error', () => resolve(false))
    socket.once('connect', () => socket.destroy())
  })
}
