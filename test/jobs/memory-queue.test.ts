import { describe, expect, test } from 'vitest'
import type { Job } from '../../src/jobs/jobs.ts'
import { flowJobs } from '../../src/jobs/jobs.ts'
import { MemoryQueue } from '../../src/jobs/memory-queue.ts'
import { HeliostatError } from '../../src/platform/errors.ts'
import type { Logger, Platform } from '../../src/platform/platform.ts'
import { FakeClock } from '../support/fake-clock.ts'

function machine(fraction = 1): { clock: FakeClock; platform: Platform; warnings: string[] } {
  const clock = new FakeClock()
  const warnings: string[] = []
  const log = { warn: (_: string, message: string) => warnings.push(message) } as unknown as Logger
  const platform = { clock, log, random: { fraction: () => fraction } } as unknown as Platform
  return { clock, platform, warnings }
}

function job(run: Job['run'], over: Partial<Job> = {}): Job {
  return { name: 'work', everyMs: 1000, timeoutMs: 5000, scope: 'flow', run, ...over }
}

describe('in step', () => {
  test('a job runs at once, then from start to start at its interval', async () => {
    const { clock, platform } = machine()
    const starts: number[] = []
    const queue = new MemoryQueue(platform)
    queue.add(
      job(async () => {
        starts.push(clock.monotonic())
        await new Promise<void>((resolve) => clock.setTimer(300, resolve))
        return 'worked'
      }),
    )
    await clock.advance(3500)
    expect(starts).toEqual([0, 1000, 2000, 3000])
    await queue.close()
  })

  test('jobs that are due at about the same time start together', async () => {
    const { clock, platform } = machine()
    const starts = new Map<string, number[]>([
      ['one', []],
      ['other', []],
    ])
    const queue = new MemoryQueue(platform)
    for (const [name, at] of starts) {
      queue.add(
        job(
          async () => {
            at.push(clock.monotonic())
            return 'worked'
          },
          { name },
        ),
      )
      await clock.advance(17)
    }
    await clock.advance(2500)
    expect(Object.fromEntries(starts)).toEqual({ one: [0, 1000, 2000], other: [17, 1000, 2000] })
    await queue.close()
  })

  test('a run longer than the interval delays the next one and never overlaps it', async () => {
    const { clock, platform } = machine()
    let inside = 0
    let most = 0
    const starts: number[] = []
    const queue = new MemoryQueue(platform)
    queue.add(
      job(async () => {
        starts.push(clock.monotonic())
        most = Math.max(most, ++inside)
        await new Promise<void>((resolve) => clock.setTimer(1700, resolve))
        inside--
        return ''
      }),
    )
    await clock.advance(5000)
    expect(starts).toEqual([0, 1700, 3400])
    expect(most).toBe(1)
    const closed = queue.close()
    await clock.advance(1700)
    await closed
  })
})

describe('failures', () => {
  test('are repeated with growing delays, and a success brings the job back in step', async () => {
    const { clock, platform, warnings } = machine()
    const starts: number[] = []
    const queue = new MemoryQueue(platform, { firstDelayMs: 100, delayMaxMs: 400 })
    queue.add(
      job(async () => {
        starts.push(clock.monotonic())
        if (starts.length <= 4) throw new HeliostatError('HEL_UNREACHABLE', 'no route')
        return 'worked'
      }),
    )
    await clock.advance(1150)
    expect(queue.list()[0]).toMatchObject({
      failures: 4,
      failuresInARow: 0,
      lastOutcome: 'done',
      lastMessage: 'worked',
    })
    await clock.advance(1000)
    expect(starts).toEqual([0, 100, 300, 700, 1100, 2100])
    expect(warnings[0]).toBe('job work failed: no route')
    await queue.close()
  })

  test('delays are jittered down to half', async () => {
    const { clock, platform } = machine(0)
    const starts: number[] = []
    const queue = new MemoryQueue(platform, { firstDelayMs: 100, delayMaxMs: 400 })
    queue.add(
      job(async () => {
        starts.push(clock.monotonic())
        throw new Error('no')
      }),
    )
    await clock.advance(200)
    expect(starts).toEqual([0, 50, 150])
    await queue.close()
  })

  test('a run that takes too long is told so by its signal, and the next waits until it has really ended', async () => {
    const { clock, platform } = machine()
    let end = () => {}
    let aborted = false
    let runs = 0
    const queue = new MemoryQueue(platform, { firstDelayMs: 100, delayMaxMs: 100 })
    queue.add(
      job(async (signal) => {
        runs++
        signal.addEventListener('abort', () => (aborted = true))
        await new Promise<void>((resolve) => (end = resolve))
        return 'late'
      }),
    )
    await clock.advance(5000)
    expect(aborted).toBe(true)
    expect(queue.list()[0]).toMatchObject({ state: 'overdue' })
    await clock.advance(60_000)
    expect(runs).toBe(1)
    end()
    await clock.advance(100)
    expect(runs).toBe(2)
    expect(queue.list()[0]).toMatchObject({ state: 'running', lastOutcome: 'timed out', failures: 1 })
    end()
    await queue.close()
  })
})

describe('control', () => {
  test('runNow runs at once and shifts the schedule', async () => {
    const { clock, platform } = machine()
    const starts: number[] = []
    const queue = new MemoryQueue(platform)
    queue.add(
      job(async () => {
        starts.push(clock.monotonic())
        return ''
      }),
    )
    await clock.advance(400)
    expect(await queue.runNow('work')).toBe('done')
    await clock.advance(1000)
    expect(starts).toEqual([0, 400, 1400])
    await queue.close()
  })

  test('callers of runNow who come during a run share one more run after it', async () => {
    const { clock, platform } = machine()
    let runs = 0
    const queue = new MemoryQueue(platform)
    queue.add(
      job(async () => {
        runs++
        await new Promise<void>((resolve) => clock.setTimer(100, resolve))
        return ''
      }),
    )
    await clock.advance(50)
    const asked = [queue.runNow('work'), queue.runNow('work')]
    await clock.advance(200)
    expect(await Promise.all(asked)).toEqual(['done', 'done'])
    expect(runs).toBe(2)
    await queue.close()
  })

  test('closing waits for a run that needs time to end', async () => {
    const { clock, platform } = machine()
    let ended = false
    let closed = false
    const queue = new MemoryQueue(platform)
    queue.add(
      job(async (signal) => {
        await new Promise((resolve) => signal.addEventListener('abort', resolve))
        await new Promise<void>((resolve) => clock.setTimer(500, resolve))
        ended = true
        return ''
      }),
    )
    await clock.advance(10)
    const closing = queue.close().then(() => {
      closed = true
    })
    await clock.advance(499)
    expect({ ended, closed }).toEqual({ ended: false, closed: false })
    await clock.advance(1)
    await closing
    expect(ended).toBe(true)
  })

  test('closing aborts what runs, waits for it, and leaves no timer', async () => {
    const { clock, platform } = machine()
    const queue = new MemoryQueue(platform)
    queue.add(
      job((signal) => new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason)))),
    )
    queue.add(job(async () => '', { name: 'idle' }))
    await clock.advance(10)
    await queue.close()
    expect(clock.timers).toBe(0)
    expect(queue.list()).toEqual([])
    expect(() => queue.add(job(async () => ''))).toThrow(/closed/)
  })

  test('the list tells when a job ran, how it ended and when it runs next', async () => {
    const { clock, platform } = machine()
    const queue = new MemoryQueue(platform)
    queue.add(job(async () => '3 groups'))
    await clock.advance(100)
    const start = clock.now() - 100
    expect(queue.list()).toEqual([
      {
        name: 'work',
        everyMs: 1000,
        scope: 'flow',
        state: 'waiting',
        lastStart: start,
        lastDurationMs: 0,
        lastOutcome: 'done',
        lastMessage: '3 groups',
        nextStart: start + 1000,
        runs: 1,
        failures: 0,
        failuresInARow: 0,
      },
    ])
    await queue.close()
  })
})

test('a flow brings its jobs by name, each doing its own work', async () => {
  const called: string[] = []
  const work = (what: string) => async () => {
    called.push(what)
    return what
  }
  const often = { topicConfigsEveryMs: 1, aclsEveryMs: 1, deletesEveryMs: 1 }
  const schedule = { topicsEveryMs: 2000, groupOffsetsEveryMs: 5000, ...often }
  const jobs = flowJobs(
    'east->west',
    {
      lookForTopics: work('topics'),
      syncGroupOffsets: work('groups'),
      emitCheckpoints: work('checkpoints'),
      emitHeartbeat: work('heartbeat'),
      emitOffsetSyncs: work('syncs'),
      pruneOffsetMaps: work('prune'),
      syncTopicConfigs: work('configs'),
      syncAcls: work('acls'),
      syncDeletes: work('deletes'),
    },
    schedule,
  )
  for (const each of jobs) await each.run(new AbortController().signal)
  const all = ['topics', 'groups', 'checkpoints', 'syncs', 'prune', 'deletes', 'heartbeat', 'configs', 'acls']
  expect(called).toEqual(all)
  expect(jobs.map((each) => each.name)).toEqual([
    'east->west/topics@instance',
    'east->west/group-offsets@instance',
    'east->west/checkpoints@instance',
    'east->west/offset-syncs@instance',
    'east->west/prune@instance',
    'east->west/deletes@instance',
    'east->west/heartbeat',
    'east->west/topic-configs',
    'east->west/acls',
  ])
  for (const { name, scope } of jobs) expect(name.endsWith('@instance')).toBe(scope === 'instance')
  expect(jobs.map(({ everyMs }) => everyMs).slice(0, 2)).toEqual([2000, 5000])
  const fewer = flowJobs('east->west', { syncGroupOffsets: work('groups') }, schedule)
  expect(fewer.map((each) => each.name)).toEqual(['east->west/group-offsets@instance'])
})

test('a job may ask to be tried again sooner than others are', async () => {
  const { clock, platform } = machine()
  const starts: number[] = []
  const queue = new MemoryQueue(platform, { firstDelayMs: 100, delayMaxMs: 10_000 })
  const run = async () => {
    starts.push(clock.monotonic())
    throw new Error('away')
  }
  queue.add(job(run, { retryMaxMs: 300 }))
  await clock.advance(1_300)
  expect(starts).toEqual([0, 100, 300, 600, 900, 1200])
  await queue.close()
})

test('why a run failed last is told also after the next has succeeded', async () => {
  const { clock, platform } = machine()
  let runs = 0
  const queue = new MemoryQueue(platform, { firstDelayMs: 100, delayMaxMs: 100 })
  queue.add(
    job(async () => {
      if (++runs === 2) throw new Error('no route')
      return 'worked'
    }),
  )
  await clock.advance(1_500)
  const [status] = queue.list()
  expect(status).toMatchObject({
    runs: 3,
    failures: 1,
    failuresInARow: 0,
    lastMessage: 'worked',
    lastError: 'no route',
  })
  expect(status!.lastErrorStart).toBe(status!.lastStart! - 100)
  await queue.close()
})
