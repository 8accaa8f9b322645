// What every queue promises, told by the same cases on the queue of the process and on a real Redis; and what a Redis that instances
// share adds, also when it dies.
import { type AddressInfo, connect } from 'node:net'
import { createServer, type TLSSocket } from 'node:tls'
import { Redis } from 'ioredis'
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import { parseRedisUrl } from '../../src/config/redis-url.ts'
import { BullmqQueue } from '../../src/jobs/bullmq-queue.ts'
import type { Job, JobQueue } from '../../src/jobs/jobs.ts'
import { MemoryQueue } from '../../src/jobs/memory-queue.ts'
import { redisOptions } from '../../src/jobs/redis-login.ts'
import { nodePlatform } from '../../src/platform/node-platform.ts'
import type { Platform, TlsOptions } from '../../src/platform/platform.ts'
import { eventually } from '../compatibility/gathering.ts'
import { title } from '../compatibility/ground.ts'
import { makeCertificates } from '../support/certificate.ts'
import { type RunningRedis, redisUnavailable, startRedis } from '../support/redis.ts'

const platform = nodePlatform({ log: { level: 'silent' } })
const RETRY = { firstDelayMs: 60, delayMaxMs: 240 }
const reason = redisUnavailable()

let redis: RunningRedis | undefined
let names = 0

beforeAll(async () => {
  if (!reason) redis = await startRedis()
}, 60_000)

afterAll(() => redis?.stop())

/** An instance's queue; instances of one name share their jobs. */
function shared(
  name = `queue-${++names}->x:y`,
  over: { lockMs?: number; patienceMs?: number } = {},
  on: Platform = platform,
): BullmqQueue {
  const queue = new BullmqQueue(on, { login: loginOf(redis!), prefix: 'test', name, retry: RETRY, ...over })
  onTestFinished(() => queue.close())
  return queue
}

const loginOf =
  ({ url }: RunningRedis, tls?: TlsOptions) =>
  () => ({ ...parseRedisUrl(url)!, tls })

const kinds = [
  {
    name: 'the queue of the process',
    reason: undefined,
    open: (): JobQueue => {
      const queue = new MemoryQueue(platform, RETRY)
      onTestFinished(() => queue.close())
      return queue
    },
  },
  { name: 'the queue on Redis', reason, open: (): JobQueue => shared() },
]

const pause = (delayMs: number) => new Promise<void>((resolve) => setTimeout(resolve, delayMs))

function job(run: Job['run'], over: Partial<Job> = {}): Job {
  return { name: 'flow/work', everyMs: 150, timeoutMs: 5_000, scope: 'flow', run, ...over }
}

const statusOf = (queue: JobQueue) => queue.list().find(({ name }) => name === 'flow/work')!

describe.each(kinds)('$name', ({ name, reason: why, open }) => {
  describe.skipIf(why)(title(name, why), () => {
    test('runs a job at once, then again and again at its interval', async () => {
      const starts: number[] = []
      const queue = open()
      queue.add(job(async () => `${starts.push(performance.now())} runs`))
      await expect.poll(() => starts.length, { timeout: 10_000 }).toBeGreaterThanOrEqual(5)
      const gaps = starts.slice(1).map((start, index) => start - starts[index]!)
      expect(Math.min(...gaps)).toBeGreaterThan(120)
      expect(gaps.toSorted((a, b) => a - b)[Math.floor(gaps.length / 2)]).toBeLessThan(1_000)
      await expect.poll(() => statusOf(queue).lastMessage, { timeout: 10_000 }).toMatch(/^\d+ runs$/)
    })

    test('lets no run overlap another', async () => {
      let inside = 0
      let most = 0
      let runs = 0
      const queue = open()
      const run = async () => {
        most = Math.max(most, ++inside)
        await pause(120)
        inside--
        return `${++runs}`
      }
      queue.add(job(run, { everyMs: 30 }))
      await expect.poll(() => runs, { timeout: 10_000 }).toBeGreaterThanOrEqual(4)
      expect(most).toBe(1)
    })

    test('tries what failed again after growing delays, tells why, and is back in step after a success', async () => {
      const starts: number[] = []
      const queue = open()
      const run = async () => {
        starts.push(performance.now())
        if (starts.length <= 3) throw new Error('no route')
        return 'worked'
      }
      queue.add(job(run, { everyMs: 60_000 }))
      await expect.poll(() => starts.length, { timeout: 10_000 }).toBe(4)
      const gaps = starts.slice(1).map((start, index) => start - starts[index]!)
      for (const [index, gap] of gaps.entries()) expect(gap).toBeGreaterThanOrEqual((60 * 2 ** index) / 2 - 5)
      const expected = { runs: 4, failures: 3, failuresInARow: 0, lastOutcome: 'done', lastMessage: 'worked' }
      await expect.poll(() => statusOf(queue), { timeout: 10_000 }).toMatchObject(expected)
    })

    test('tells a run that takes too long to end, and waits until it has', async () => {
      let reasonGiven: unknown
      let ended = false
      const queue = open()
      const run = async (signal: AbortSignal) => {
        await new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve()))
        reasonGiven = signal.reason
        await pause(50)
        ended = true
        return 'late'
      }
      queue.add(job(run, { timeoutMs: 80, everyMs: 60_000 }))
      await expect.poll(() => statusOf(queue).lastOutcome, { timeout: 10_000 }).toBe('timed out')
      expect([String(reasonGiven), ended]).toEqual([expect.stringContaining('took longer than 80 ms'), true])
    })

    test('runs a job now when asked to, after the run that is under way', async () => {
      let runs = 0
      let go = () => {}
      const queue = open()
      const run = async () => {
        runs++
        if (runs === 1) await new Promise<void>((resolve) => (go = resolve))
        return ''
      }
      queue.add(job(run, { everyMs: 60_000 }))
      await expect.poll(() => runs, { timeout: 10_000 }).toBe(1)
      const asked = queue.runNow('flow/work')
      await pause(60)
      expect(runs).toBe(1)
      go()
      expect(await asked).toBe('done')
      expect(runs).toBe(2)
      expect(await queue.runNow('flow/work')).toBe('done')
      expect(runs).toBe(3)
      await expect(async () => queue.runNow('nothing')).rejects.toMatchObject({ code: 'HEL_UNKNOWN_JOB' })
    })

    test('runs nothing after a job is removed or the queue is closed, and ends what is under way', async () => {
      let runs = 0
      let aborted = 0
      const queue = open()
      const run = async (signal: AbortSignal) => {
        runs++
        await new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve()))
        aborted++
        return ''
      }
      queue.add(job(run, { name: 'flow/a' }))
      queue.add(job(run, { name: 'flow/b' }))
      await expect.poll(() => runs, { timeout: 10_000 }).toBe(2)
      await queue.remove('flow/a')
      expect(aborted).toBe(1)
      await queue.close()
      expect(aborted).toBe(2)
      await pause(200)
      expect(runs).toBe(2)
      expect(() => queue.add(job(run))).toThrow('closed')
    })
  })
})

test('a connection is made anew as the login is then, and no more once its queue is closing', () => {
  const closing = new AbortController()
  let [password, dialled] = ['first', 0]
  const login = () => ({ ...parseRedisUrl('redis://h')!, password, tls: undefined })
  const options = redisOptions(login, closing.signal)
  const again = () => options.retryStrategy!.call(options, ++dialled)
  password = 'second'
  expect([options.password, again(), options.password]).toEqual(['first', 50, 'second'])
  closing.abort()
  expect(again()).toBeNull()
})

describe.skipIf(reason)(title('instances that share a Redis', reason), () => {
  test('have each run in one of them, and see the runs of the others', async () => {
    const [a, b] = [shared('pair'), shared('pair')]
    let inside = 0
    let most = 0
    const ran: string[] = []
    const run = (who: string) => async () => {
      most = Math.max(most, ++inside)
      await pause(20)
      inside--
      return `${ran.push(who)}`
    }
    a.add(job(run('a'), { everyMs: 60 }))
    b.add(job(run('b'), { everyMs: 60 }))
    await expect.poll(() => ran.length, { timeout: 10_000 }).toBeGreaterThanOrEqual(8)
    expect(most).toBe(1)
    await expect.poll(() => [a, b].map((queue) => statusOf(queue).runs > 3), { timeout: 10_000 }).toEqual([true, true])
    await a.close()
    const before = ran.filter((who) => who === 'b').length
    await expect.poll(() => ran.filter((who) => who === 'b').length, { timeout: 10_000 }).toBeGreaterThan(before + 2)
  })

  test('take over the run of one that died', async () => {
    const [dying, other] = [shared('dying', { lockMs: 400 }), shared('dying', { lockMs: 400 })]
    let taken = false
    const forEver = (signal: AbortSignal) =>
      new Promise<string>((resolve) => signal.addEventListener('abort', () => resolve('')))
    dying.add(job(forEver, { everyMs: 60_000 }))
    await expect.poll(() => statusOf(dying).state, { timeout: 10_000 }).toBe('running')
    dying.disconnect()
    other.add(
      job(async () => {
        taken = true
        return 'taken over'
      }),
    )
    await expect.poll(() => taken, { timeout: 10_000 }).toBe(true)
  })

  test('run their jobs themselves while Redis is dead, and share them again when it is back, having forgotten all', async () => {
    const said: string[] = []
    const log = { ...platform.log, info: (event: string) => void said.push(event) }
    const queue = shared('dead', { patienceMs: 200 }, { ...platform, log })
    let runs = 0
    let held: Promise<void> | undefined
    const counting = async () => {
      runs++
      await held
      return ''
    }
    queue.add(job(counting, { everyMs: 50 }))
    await expect.poll(() => runs, { timeout: 10_000 }).toBeGreaterThan(1)
    await redis!.kill()
    await pause(400)
    const alone = runs
    await expect.poll(() => runs, { timeout: 10_000 }).toBeGreaterThan(alone + 3)
    expect(statusOf(queue).runs).toBeGreaterThan(0)
    await redis!.restart()
    const other = shared('dead')
    let others = 0
    const countingOthers = async () => {
      others++
      await held
      return ''
    }
    other.add(job(countingOthers, { everyMs: 50 }))
    await eventually(async () => expect(others).toBeGreaterThan(2))
    await expect.poll(() => said, { timeout: 10_000 }).toContain('jobs.redis-back')
    // While a run is held none ends: both are told the same count, which is of the runs since.
    let release = () => {}
    held = new Promise((resolve) => (release = resolve))
    await expect
      .poll(() => [queue, other].map((each) => statusOf(each).state), { timeout: 10_000 })
      .toEqual(['running', 'running'])
    await expect.poll(() => statusOf(queue).runs === statusOf(other).runs, { timeout: 10_000 }).toBe(true)
    expect(statusOf(other).runs).toBeGreaterThanOrEqual(others - 1)
    release()
  })

  test('run their jobs themselves while Redis is frozen, also those that ran when it froze, and share them again when it answers', async () => {
    const said: string[] = []
    const log = { ...platform.log, info: (event: string) => void said.push(event) }
    const queue = shared('frozen', { patienceMs: 200 }, { ...platform, log })
    let runs = 0
    let go = () => {}
    let held: Promise<void> | undefined
    const counting = async () => {
      runs++
      await held
      return ''
    }
    queue.add(job(counting, { everyMs: 50 }))
    queue.add(job(async () => '', { name: 'flow/other', everyMs: 50 }))
    await expect.poll(() => runs, { timeout: 10_000 }).toBeGreaterThan(1)
    held = new Promise((resolve) => (go = resolve))
    await expect.poll(() => statusOf(queue).state, { timeout: 10_000 }).toBe('running')
    redis!.freeze()
    go()
    await pause(100)
    const alone = runs
    await expect.poll(() => runs, { timeout: 15_000 }).toBeGreaterThan(alone + 3)
    redis!.thaw()
    await expect.poll(() => said, { timeout: 15_000 }).toContain('jobs.redis-back')
    const before = runs
    await expect.poll(() => runs, { timeout: 15_000 }).toBeGreaterThan(before + 3)
  })

  test('log in anew with the password and the certificates of that time', async () => {
    const own = await startRedis()
    const admin = new Redis(own.url)
    let [password, world] = ['first', makeCertificates()]
    await admin.config('SET', 'requirepass', password)
    const front = await encrypted(own, world.server)
    const login = () => ({ ...parseRedisUrl(own.url)!, port: front.port, password, tls: { ca: world.ca } })
    const queue = new BullmqQueue(platform, { login, prefix: 'test', name: 'rotated', patienceMs: 120_000 })
    onTestFinished(async () => {
      await queue.close()
      admin.disconnect()
      front.close()
      await own.stop()
    })
    let runs = 0
    queue.add(job(async () => `${++runs}`, { everyMs: 50 }))
    await expect.poll(() => runs, { timeout: 15_000 }).toBeGreaterThan(2)
    ;[password, world] = ['second', makeCertificates()]
    await admin.config('SET', 'requirepass', password)
    front.show(world.server)
    const before = runs
    await expect.poll(() => runs, { timeout: 30_000 }).toBeGreaterThan(before + 2)
  })

  test('close at once when Redis is dead', async () => {
    const queue = shared('closing')
    queue.add(job(async () => ''))
    await expect.poll(() => statusOf(queue).runs, { timeout: 10_000 }).toBeGreaterThan(0)
    await redis!.kill()
    const began = performance.now()
    await queue.close()
    expect(performance.now() - began).toBeLessThan(5_000)
    await redis!.restart()
  })
})

/** TLS in front of a Redis, whose connections end when it shows another certificate. */
async function encrypted({ url }: RunningRedis, first: { readonly cert: string; readonly key: string }) {
  const sockets = new Set<TLSSocket>()
  const server = createServer({ minVersion: 'TLSv1.2', ...first }, (socket) => {
    sockets.add(socket)
    const plain = connect(parseRedisUrl(url)!.port, '127.0.0.1')
    socket.pipe(plain).pipe(socket)
    for (const [one, other] of [
      [socket, plain],
      [plain, socket],
    ] as const) {
      one.on('error', () => {})
      one.on('close', () => other.destroy())
    }
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const end = () => {
    for (const socket of sockets) socket.destroy()
    sockets.clear()
  }
  return {
    port: (server.address() as AddressInfo).port,
    show: (certificate: { readonly cert: string; readonly key: string }) => {
      server.setSecureContext(certificate)
      end()
    },
    close: () => {
      end()
      server.close()
    },
  }
}
