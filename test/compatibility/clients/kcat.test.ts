// kcat, which is librdkafka: the client under most programs that are not Java or JavaScript.
import { spawnSync } from 'node:child_process'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { ExternalProcess, runExternal } from '../../support/external-process.ts'
import { eventually } from '../gathering.ts'
import { clientGrounds, type RunningGround, title } from '../ground.ts'

/** Debian calls it kafkacat or kcat. */
const program = ['kcat', 'kafkacat'].find((name) => spawnSync(name, ['-V']).error === undefined)
const absent = program === undefined ? 'neither kcat nor kafkacat is on PATH' : undefined

describe.each(clientGrounds)('kcat', (ground) => {
  const reason = absent ?? ground.reason
  describe.skipIf(reason)(title(`kcat on ${ground.name}`, reason), () => {
    let cluster: RunningGround
    const members: ExternalProcess[] = []

    beforeAll(async () => {
      cluster = await ground.start()
    }, 60_000)

    afterAll(async () => {
      await Promise.all(members.map((member) => member.kill()))
      await cluster?.stop()
    })

    async function kcat(args: readonly string[], input = ''): Promise<string> {
      const { code, stdout, stderr } = await runExternal(program!, ['-b', cluster.bootstrap, ...args], {
        input,
        timeoutMs: 20_000,
      })
      if (code !== 0) throw new Error(`kcat ${args.join(' ')} ended with ${code}: ${stderr}`)
      return stdout
    }

    const lines = (text: string) => text.split('\n').filter((line) => line !== '')
    const consume = (topic: string, ...args: string[]) =>
      kcat(['-C', '-e', '-q', '-t', topic, '-o', 'beginning', ...args])

    /** A member of a group; it prints one JSON line for each record. */
    function join(group: string, topic: string): ExternalProcess {
      const settings = [
        '-X',
        'auto.offset.reset=earliest',
        '-X',
        'heartbeat.interval.ms=300',
        '-X',
        'session.timeout.ms=10000',
      ]
      const member = new ExternalProcess(program!, [
        '-b',
        cluster.bootstrap,
        '-J',
        '-u',
        ...settings,
        '-G',
        group,
        topic,
      ])
      members.push(member)
      return member
    }

    const records = (member: ExternalProcess) =>
      lines(member.stdout).map((line) => JSON.parse(line) as { partition: number; offset: number; payload: string })
    /** kcat says on standard error which partitions it was given, each time anew. */
    const owned = (member: ExternalProcess) => {
      const assigned = [...member.stderr.matchAll(/rebalanced[^\n]*assigned: ([^\n]*)/g)].at(-1)?.[1] ?? ''
      return [...assigned.matchAll(/\[(\d+)\]/g)].map(([, partition]) => Number(partition))
    }

    it('reads back keys, values, headers and nulls as they were sent', async () => {
      await kcat(
        ['-P', '-t', 'whole-records', '-p', '0', '-K', ':', '-Z', '-H', 'trace=abc'],
        'key:value\n:empty key\ntombstone:\n',
      )
      const printed = lines(await consume('whole-records', '-J')).map((line) => JSON.parse(line))
      expect(printed.map(({ offset, key, payload, headers }) => [offset, key, payload, headers])).toEqual([
        [0, 'key', 'value', ['trace', 'abc']],
        [1, null, 'empty key', ['trace', 'abc']],
        [2, 'tombstone', null, ['trace', 'abc']],
      ])
    })

    it.each(['none', 'gzip', 'snappy', 'lz4', 'zstd'])('reads back batches compressed with %s', async (codec) => {
      const values = Array.from({ length: 200 }, (_, index) => `${codec} ${index} ${'filler '.repeat(20)}`)
      await kcat(['-P', '-t', `codec-${codec}`, '-p', '0', '-z', codec], `${values.join('\n')}\n`)
      expect(lines(await consume(`codec-${codec}`))).toEqual(values)
    })

    it('produces idempotently', async () => {
      const values = Array.from({ length: 500 }, (_, index) => `${index}`)
      await kcat(
        ['-P', '-t', 'idempotent', '-p', '0', '-X', 'enable.idempotence=true', '-X', 'batch.num.messages=10'],
        `${values.join('\n')}\n`,
      )
      expect(lines(await consume('idempotent'))).toEqual(values)
    })

    it('lists brokers, topics and partitions', async () => {
      await kcat(['-P', '-t', 'listed', '-p', '0'], 'x\n')
      const listed = JSON.parse(await kcat(['-L', '-J'])) as {
        brokers: { name: string }[]
        topics: { topic: string; partitions: unknown[] }[]
      }
      expect(listed.brokers.map(({ name }) => name).sort()).toEqual(cluster.bootstrap.split(',').sort())
      expect(listed.topics.find(({ topic }) => topic === 'listed')?.partitions).toHaveLength(1)
    })

    it('finds offsets by time', async () => {
      const before = Date.now()
      await kcat(['-P', '-t', 'timed', '-p', '0'], 'x\ny\n')
      expect(await kcat(['-Q', '-t', `timed:0:${before - 1000}`])).toBe('timed [0] offset 0\n')
      expect(await kcat(['-Q', '-t', 'timed:0:-1'])).toBe('timed [0] offset 2\n')
    })

    it('resumes a group at its committed offset', async () => {
      await kcat(['-P', '-t', 'resumed', '-p', '0'], 'a\nb\n')
      const first = join('resumed', 'resumed')
      await first.until((member) => records(member).length === 2, 'two records')
      await first.kill('SIGTERM')
      await kcat(['-P', '-t', 'resumed', '-p', '0'], 'c\n')
      const second = join('resumed', 'resumed')
      await second.until((member) => records(member).length === 1, 'one record')
      expect(records(second)[0]).toMatchObject({ offset: 2, payload: 'c' })
    })

    it('shares six partitions among three members and takes over those of one that leaves', async () => {
      await cluster.createTopic('shared', 6)
      const all = [join('shared', 'shared'), join('shared', 'shared'), join('shared', 'shared')]
      for (const member of all) await member.until((one) => owned(one).length === 2, 'two partitions each')
      expect(all.flatMap(owned).sort()).toEqual([0, 1, 2, 3, 4, 5])
      await all[0]!.kill('SIGTERM')
      const left = all.slice(1)
      for (const member of left) await member.until((one) => owned(one).length === 3, 'three partitions each')
      expect(left.flatMap(owned).sort()).toEqual([0, 1, 2, 3, 4, 5])
      for (let partition = 0; partition < 6; partition++)
        await kcat(['-P', '-t', 'shared', '-p', `${partition}`], `${partition}\n`)
      await eventually(async () =>
        expect(
          left
            .flatMap(records)
            .map(({ payload }) => payload)
            .sort(),
        ).toEqual(['0', '1', '2', '3', '4', '5']),
      )
    })

    it('is told that a topic is unknown', async () => {
      await expect(kcat(['-C', '-e', '-t', 'nowhere', '-X', 'allow.auto.create.topics=false'])).rejects.toThrow(
        /Unknown topic or partition/,
      )
    })
  })
})
