// Kafka's own command line tools, which are its Java clients: producer, consumer and Admin.
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type KafkaTool, runKafkaTool, startKafkaTool, unavailable } from '../../support/apache-kafka.ts'
import type { ExternalProcess } from '../../support/external-process.ts'
import { eventually } from '../gathering.ts'
import { clientGrounds, type RunningGround, title } from '../ground.ts'

// A JVM starts for every line that a person would type, so a case takes seconds.
const caseMs = 60_000

describe.each(clientGrounds)('Kafka console tools', (ground) => {
  const reason = unavailable() ?? ground.reason
  describe.skipIf(reason)(title(`Kafka's console tools on ${ground.name}`, reason), { timeout: caseMs }, () => {
    let cluster: RunningGround
    const members: ExternalProcess[] = []

    beforeAll(async () => {
      cluster = await ground.start()
    }, 60_000)

    afterAll(async () => {
      await Promise.all(members.map((member) => member.kill()))
      await cluster?.stop()
    })

    const run = (tool: KafkaTool, args: readonly string[], input = '') =>
      runKafkaTool(tool, ['--bootstrap-server', cluster.bootstrap, ...args], { input, timeoutMs: 40_000 })

    /** Runs a tool that is expected to succeed; returns what it printed. */
    async function must(tool: KafkaTool, args: readonly string[], input = ''): Promise<string> {
      const { code, stdout, stderr } = await run(tool, args, input)
      if (code !== 0) throw new Error(`${tool} ${args.join(' ')} ended with ${code}: ${stdout}${stderr}`)
      return stdout
    }

    const lines = (text: string) => text.split('\n').filter((line) => line !== '')
    const produce = (topic: string, values: readonly string[], ...args: string[]) =>
      must('kafka-console-producer', ['--topic', topic, ...args], values.map((value) => `${value}\n`).join(''))
    const consume = (topic: string, count: number, ...args: string[]) =>
      must('kafka-console-consumer', [
        '--topic',
        topic,
        '--from-beginning',
        '--max-messages',
        `${count}`,
        '--timeout-ms',
        '30000',
        ...args,
      ])
    const formatted = (...names: string[]) => names.flatMap((name) => ['--formatter-property', `print.${name}=true`])

    it('produces and consumes keys, headers and nulls', async () => {
      await cluster.createTopic('whole-records', 1)
      const reader = [
        'parse.key=true',
        'key.separator=:',
        'parse.headers=true',
        'headers.delimiter=|',
        'headers.key.separator==',
        'null.marker=NULL',
      ]
      const written = ['trace=abc|key:value', 'NULL|NULL:without a key', 'a=1|tombstone:NULL']
      await produce('whole-records', written, ...reader.flatMap((property) => ['--reader-property', property]))
      const printed = await consume('whole-records', 3, ...formatted('key', 'headers', 'offset'))
      expect(lines(printed)).toEqual([
        'Offset:0\ttrace:abc\tkey\tvalue',
        'Offset:1\tNO_HEADERS\tnull\twithout a key',
        'Offset:2\ta:1\ttombstone\tnull',
      ])
    })

    it.each(['none', 'gzip', 'snappy', 'lz4', 'zstd'])(
      'produces and consumes batches compressed with %s',
      async (codec) => {
        await cluster.createTopic(`codec-${codec}`, 1)
        const values = Array.from({ length: 100 }, (_, index) => `${codec} ${index} ${'filler '.repeat(20)}.`)
        await produce(`codec-${codec}`, values, '--compression-codec', codec)
        expect(lines(await consume(`codec-${codec}`, values.length))).toEqual(values)
      },
    )

    it('resumes a group at its committed offset; describes, resets and deletes it', async () => {
      await cluster.createTopic('resumed', 1)
      await produce('resumed', ['a', 'b', 'c'])
      expect(lines(await consume('resumed', 2, '--group', 'resumed'))).toEqual(['a', 'b'])
      expect(lines(await consume('resumed', 1, '--group', 'resumed'))).toEqual(['c'])
      expect(lines(await must('kafka-consumer-groups', ['--list']))).toContain('resumed')
      const described = await must('kafka-consumer-groups', ['--describe', '--group', 'resumed'])
      expect(described).toMatch(/resumed\s+resumed\s+0\s+3\s+3\s+0\s/)
      const reset = ['--reset-offsets', '--group', 'resumed', '--topic', 'resumed', '--to-offset', '1', '--execute']
      expect(await must('kafka-consumer-groups', reset)).toMatch(/resumed\s+resumed\s+0\s+1/)
      expect(lines(await consume('resumed', 2, '--group', 'resumed'))).toEqual(['b', 'c'])
      await must('kafka-consumer-groups', ['--delete', '--group', 'resumed'])
      expect(lines(await must('kafka-consumer-groups', ['--list']))).not.toContain('resumed')
    })

    it('describes, resets and deletes a group of the consumer protocol, with and without its member', async () => {
      await cluster.createTopic('modern', 2)
      await produce('modern', ['a', 'b', 'c', 'd'])
      const protocol = ['--group', 'modern', '--command-property', 'group.protocol=consumer']
      const member = startKafkaTool('kafka-console-consumer', [
        ...['--bootstrap-server', cluster.bootstrap, '--topic', 'modern', '--from-beginning', ...protocol],
        ...['--command-property', 'auto.commit.interval.ms=100'],
      ])
      members.push(member)
      await member.until(({ stdout }) => lines(stdout).length === 4, 'four records', 40_000)
      const describe = async (...options: string[]) =>
        lines(await must('kafka-consumer-groups', ['--describe', '--group', 'modern', ...options]))
          .filter((line) => /^modern\s/.test(line))
          .map((line) => line.trim().split(/\s+/))
      await eventually(async () => {
        const rows = await describe()
        // Group, topic, partition, current offset, log end offset, lag.
        expect(rows.map(([, topic, partition, , , lag]) => [topic, partition, lag])).toEqual([
          ['modern', '0', '0'],
          ['modern', '1', '0'],
        ])
      }, 20_000)
      const verbose = await describe('--members', '--verbose')
      expect(verbose).toHaveLength(1)
      // Group, member, host, client, partitions, then epochs and assignments.
      expect(verbose[0]![4]).toBe('2')
      expect(verbose[0]!.filter((cell) => cell === 'modern:0,1')).toHaveLength(2)
      expect((await describe('--state', '--verbose'))[0]!.slice(2)).toEqual(
        expect.arrayContaining(['uniform', 'Stable', '2', '1']),
      )
      const listed = async (...options: string[]) => lines(await must('kafka-consumer-groups', ['--list', ...options]))
      expect(await listed('--type', 'consumer')).toEqual(expect.arrayContaining([expect.stringMatching(/^modern/)]))
      expect(await listed('--type', 'classic')).not.toEqual(expect.arrayContaining([expect.stringMatching(/^modern/)]))
      const topic = ['--group', 'modern', '--topic', 'modern']
      const reset = ['--reset-offsets', ...topic, '--to-offset', '0', '--execute']
      expect((await run('kafka-consumer-groups', reset)).stdout).toContain('the current state is Stable')
      const refused = await run('kafka-consumer-groups', ['--delete-offsets', ...topic])
      expect(refused.stdout + refused.stderr).toContain('GroupSubscribedToTopicException')
      await member.kill('SIGTERM')
      await eventually(async () => {
        const { stdout } = await run('kafka-consumer-groups', reset)
        expect(stdout).toMatch(/modern\s+modern\s+0\s+0/)
      }, 20_000)
      expect(lines(await consume('modern', 4, ...protocol)).sort()).toEqual(['a', 'b', 'c', 'd'])
      expect(await must('kafka-consumer-groups', ['--delete-offsets', ...topic])).toMatch(/modern\s+0\s+Successful/)
      await must('kafka-consumer-groups', ['--delete', '--group', 'modern'])
      expect(await listed()).not.toContain('modern')
    }, 120_000)

    it('gives the records of a topic to a share group, and again after a reset', async () => {
      await cluster.createTopic('queue', 2)
      const group = ['--entity-type', 'groups', '--entity-name', 'sharing']
      await must('kafka-configs', ['--alter', ...group, '--add-config', 'share.auto.offset.reset=earliest'])
      await produce('queue', ['a', 'b', 'c'])
      const shared = async () => {
        const limits = ['--max-messages', '3', '--timeout-ms', '20000']
        return lines(
          await must('kafka-console-share-consumer', ['--topic', 'queue', '--group', 'sharing', ...limits]),
        ).sort()
      }
      const begun = async (lag: string) => {
        const described = await must('kafka-share-groups', ['--describe', '--group', 'sharing'])
        const rows = lines(described).map((line) => line.trim().split(/\s+/))
        expect(rows.filter((row) => row[0] === 'sharing').map((row) => row[4])).toContain(lag)
      }
      expect(await shared()).toEqual(expect.arrayContaining(['a', 'b', 'c']))
      await eventually(() => begun('0'))
      const reset = ['--reset-offsets', '--group', 'sharing', '--topic', 'queue', '--to-earliest', '--execute']
      await eventually(() => must('kafka-share-groups', reset))
      await begun('3')
      expect(await shared()).toEqual(expect.arrayContaining(['a', 'b', 'c']))
      await eventually(() => must('kafka-share-groups', ['--delete', '--group', 'sharing']))
    }, 120_000)

    it(
      'shares six partitions among three members and takes over those of one that leaves',
      async () => {
        await cluster.createTopic('shared', 6)
        const sharing: ExternalProcess[] = []
        const settings = ['--group', 'shared', '--from-beginning', '--consumer-property', 'heartbeat.interval.ms=300']
        for (let member = 0; member < 3; member++) {
          sharing.push(
            startKafkaTool('kafka-console-consumer', [
              '--bootstrap-server',
              cluster.bootstrap,
              '--topic',
              'shared',
              ...settings,
            ]),
          )
          members.push(sharing[member]!)
        }
        // The column of partition counts in: group, member, host, client, partitions.
        const counts = async () => {
          const described = await must('kafka-consumer-groups', ['--describe', '--members', '--group', 'shared'])
          return lines(described)
            .filter((line) => /^shared\s/.test(line))
            .map((line) => Number(line.trim().split(/\s+/)[4]))
        }
        await eventually(async () => expect(await counts()).toEqual([2, 2, 2]), 90_000)
        await sharing[0]!.kill('SIGTERM')
        await eventually(async () => expect(await counts()).toEqual([3, 3]), 60_000)
        await produce(
          'shared',
          Array.from({ length: 30 }, (_, index) => `${index}`),
        )
        const numbers = ({ stdout }: ExternalProcess) => lines(stdout).filter((line) => /^\d+$/.test(line))
        const seen = () => sharing.flatMap(numbers).map(Number)
        await eventually(async () =>
          expect(seen().sort((one, other) => one - other)).toEqual(Array.from({ length: 30 }, (_, index) => index)),
        )
      },
      2 * caseMs,
    )

    it('creates, describes, extends and deletes topics', async () => {
      await must('kafka-topics', [
        '--create',
        '--topic',
        'made',
        '--partitions',
        '2',
        '--config',
        'retention.ms=1234567',
      ])
      const again = await run('kafka-topics', ['--create', '--topic', 'made'])
      expect(again.code).toBe(1)
      expect(again.stdout + again.stderr).toMatch(/already exists/)
      await must('kafka-topics', ['--alter', '--topic', 'made', '--partitions', '3'])
      await eventually(async () => {
        const described = await must('kafka-topics', ['--describe', '--topic', 'made'])
        expect(described).toMatch(
          /Topic: made\s+TopicId: [\w-]{22}\s+PartitionCount: 3\s+ReplicationFactor: \d\s+Configs: .*retention\.ms=1234567/,
        )
        expect(described.match(/Partition: \d\s+Leader: \d+\s+Replicas: [\d,]+\s+Isr: [\d,]+/g)).toHaveLength(3)
      })
      await must('kafka-topics', ['--delete', '--topic', 'made'])
      await eventually(async () => expect(lines(await must('kafka-topics', ['--list']))).not.toContain('made'))
    })

    it('alters and describes configs of topics', async () => {
      await cluster.createTopic('configured', 1)
      const entity = ['--entity-type', 'topics', '--entity-name', 'configured']
      await must('kafka-configs', ['--alter', ...entity, '--add-config', 'cleanup.policy=compact,retention.ms=99000'])
      const described = () => must('kafka-configs', ['--describe', ...entity])
      await eventually(async () =>
        expect(await described()).toMatch(/cleanup\.policy=compact[\s\S]*retention\.ms=99000/),
      )
      await must('kafka-configs', ['--alter', ...entity, '--delete-config', 'retention.ms'])
      await eventually(async () => expect(await described()).not.toMatch(/retention\.ms/))
      const refused = await run('kafka-configs', ['--alter', ...entity, '--add-config', 'cleanup.policy=shred'])
      expect(refused.code).toBe(1)
      expect(refused.stdout + refused.stderr).toMatch(/Invalid value shred/)
    })

    it('reads the ends of a topic', async () => {
      await cluster.createTopic('ends', 2)
      await produce('ends', ['a', 'b', 'c'])
      const ends = lines(await must('kafka-get-offsets', ['--topic', 'ends']))
      expect(ends.map((line) => line.replace(/:\d+$/, ''))).toEqual(['ends:0', 'ends:1'])
      expect(ends.reduce((sum, line) => sum + Number(line.split(':')[2]), 0)).toBe(3)
    })

    it('is told that a topic is unknown', async () => {
      const { code, stdout, stderr } = await run('kafka-topics', ['--describe', '--topic', 'nowhere'])
      expect(code).toBe(1)
      expect(stdout + stderr).toMatch(/Topic 'nowhere' does not exist/)
    })
  })
})
