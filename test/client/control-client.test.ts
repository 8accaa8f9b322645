import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { type Cluster, startCluster } from '../../src/broker/cluster.ts'
import { ControlClient, type ControlClientOptions } from '../../src/client/control-client.ts'
import type { Membership } from '../../src/client/membership.ts'
import type { HeliostatError } from '../../src/platform/errors.ts'
import { nodePlatform } from '../../src/platform/node-platform.ts'
import type { Address, Platform } from '../../src/platform/platform.ts'
import { metadata } from '../../src/protocol/messages/metadata.ts'
import { saslAuthenticate } from '../../src/protocol/messages/sasl-authenticate.ts'
import { saslHandshake } from '../../src/protocol/messages/sasl-handshake.ts'
import { makeCertificates } from '../support/certificate.ts'
import { ScriptedBroker } from '../support/scripted-broker.ts'

const platform = nodePlatform({ log: { level: 'silent' } })
let cluster: Cluster
let bootstrap: Address
const clients: ControlClient[] = []

beforeAll(async () => {
  cluster = await startCluster(platform, { name: 'east' })
  const [host, port] = cluster.bootstrap.split(':') as [string, string]
  bootstrap = { host, port: Number(port) }
})
afterAll(() => cluster.stop())
afterEach(async () => {
  for (const client of clients.splice(0)) await client.close()
})

function connect(options: Partial<ControlClientOptions> = {}, on: Platform = platform): ControlClient {
  const client = new ControlClient(on, { bootstrap: [bootstrap], clientId: 'test', name: 'east', ...options })
  clients.push(client)
  return client
}

async function failure(promise: Promise<unknown>): Promise<HeliostatError> {
  return promise.then(
    () => expect.fail('it succeeded'),
    (error) => error,
  )
}

describe('topics', () => {
  it('are created with partitions and configs, and listed', async () => {
    const client = connect()
    const made = await client.createTopics([
      { topic: 'orders', partitions: 3, configs: { 'cleanup.policy': 'compact' } },
      { topic: 'payments', replicationFactor: 1 },
    ])
    expect(made).toEqual([
      { topic: 'orders', outcome: 'created' },
      { topic: 'payments', outcome: 'created' },
    ])
    expect(await client.listTopics()).toEqual(expect.arrayContaining(['orders', 'payments']))
  })

  it('that cannot be created are named with the reason, and the others are created all the same', async () => {
    const client = connect()
    await client.createTopics([{ topic: 'taken' }])
    const outcomes = await client.createTopics([
      { topic: 'taken' },
      { topic: 'fresh' },
      { topic: 'bad name!' },
      { topic: 'bad-config', configs: { 'cleanup.policy': 'burn' } },
    ])
    expect(outcomes).toMatchObject([
      { topic: 'taken', outcome: 'exists' },
      { topic: 'fresh', outcome: 'created' },
      { topic: 'bad name!', outcome: 'failed', errorCode: 17 },
      { topic: 'bad-config', outcome: 'failed', errorCode: 40, reason: expect.stringContaining('INVALID_CONFIG') },
    ])
    expect(await client.listTopics()).toContain('fresh')
  })

  it('of which some exist are told apart from those that were created', async () => {
    const client = connect()
    await client.createTopics([{ topic: 'half-1' }])
    const outcomes = await client.createTopics([{ topic: 'half-1' }, { topic: 'half-2' }])
    expect(outcomes.map(({ outcome }) => outcome)).toEqual(['exists', 'created'])
    expect(await client.createTopics([{ topic: 'half-2' }])).toEqual([{ topic: 'half-2', outcome: 'exists' }])
  })

  it('get more partitions, and never fewer', async () => {
    const client = connect()
    await client.createTopics([{ topic: 'grows', partitions: 2 }])
    await client.addPartitions('grows', 5)
    const error = await failure(client.addPartitions('grows', 3))
    expect(error).toMatchObject({ code: 'HEL_CONTROL', retriable: false, where: { cluster: 'east', errorCode: 37 } })
    expect(error.message).toContain('cannot give topic grows 3 partitions at east: INVALID_PARTITIONS')
  })
})

describe('topic configs', () => {
  it('are described with where they come from', async () => {
    const client = connect()
    await client.createTopics([{ topic: 'configured', configs: { 'retention.ms': '1234' } }])
    const described = await client.describeTopicConfigs(['configured'])
    const entries = new Map(described.get('configured')!.map((entry) => [entry.name, entry]))
    expect(entries.get('retention.ms')).toMatchObject({ value: '1234', source: 'topic', sensitive: false })
    expect(entries.get('retention.ms')!.synonyms[0]).toMatchObject({ value: '1234', source: 'topic' })
    expect(entries.get('segment.bytes')!.source).toBe('default')
  })

  it('can be asked for by name', async () => {
    const client = connect()
    await client.createTopics([{ topic: 'configured' }])
    const described = await client.describeTopicConfigs(['configured'], ['cleanup.policy'])
    expect(described.get('configured')!.map(({ name, value }) => [name, value])).toEqual([['cleanup.policy', 'delete']])
  })

  it('of topics that do not exist are left out', async () => {
    const client = connect()
    await client.createTopics([{ topic: 'configured' }])
    const described = await client.describeTopicConfigs(['nowhere', 'configured', 'nor-there'])
    expect([...described.keys()]).toEqual(['configured'])
    expect(await client.describeTopicConfigs([])).toEqual(new Map())
  })
})

/** A member that keeps what it is told and lets a test wait for it. */
class Member {
  readonly heard: string[] = []
  membership!: Membership
  #waiting: { until: () => boolean; resolve: () => void }[] = []

  async join(client: ControlClient, groupId: string, topic: string, sessionTimeoutMs = 6_000): Promise<void> {
    const options = { groupId, topic, sessionTimeoutMs, heartbeatIntervalMs: 100 }
    this.membership = await client.joinGroup(options, {
      owned: (partitions) => this.#hear(`owned ${partitions.join(' ')}`),
      lost: (partitions) => this.#hear(`lost ${partitions.join(' ')}`),
      unsure: () => this.#hear('unsure'),
      failed: (error) => this.#hear(`failed ${error.code}`),
    })
  }
  until(condition: () => boolean): Promise<void> {
    if (condition()) return Promise.resolve()
    return new Promise((resolve) => this.#waiting.push({ until: condition, resolve }))
  }
  owns(...partitions: number[]): Promise<void> {
    return this.until(() => `${this.membership?.partitions}` === `${partitions}`)
  }
  #hear(what: string): void {
    this.heard.push(what)
    for (const { until, resolve } of this.#waiting) if (until()) resolve()
    this.#waiting = this.#waiting.filter(({ until }) => !until())
  }
}

describe('membership', () => {
  it('shares the partitions out, and a member that stays hears only of what changes hands', async () => {
    await connect().createTopics([{ topic: 'slots', partitions: 4 }])
    const [first, second, third] = [new Member(), new Member(), new Member()]
    await first.join(connect(), 'sharing', 'slots')
    await first.owns(0, 1, 2, 3)
    await second.join(connect(), 'sharing', 'slots')
    await first.owns(0, 1)
    await second.owns(2, 3)
    await third.join(connect(), 'sharing', 'slots')
    // The newcomer may hear of its share a moment before the giver does.
    await third.until(() => third.membership?.partitions.length === 1)
    await Promise.race([first, second].map((member) => member.until(() => member.membership.partitions.length === 1)))
    const shares = [first, second, third].map(({ membership }) => membership.partitions)
    expect(shares.flat().sort()).toEqual([0, 1, 2, 3])
    await third.membership.stop()
    await Promise.all([first, second].map((member) => member.until(() => member.membership.partitions.length === 2)))
    expect(first.heard.slice(0, 2)).toEqual(['owned 0 1 2 3', 'lost 2 3'])
    // One of the two gave a partition up for the third and got one back; the other heard nothing at all.
    const undisturbed = first.heard.length === 2 ? first : second
    const disturbed = undisturbed === first ? second : first
    expect(undisturbed.heard.filter((what) => what.startsWith('lost'))).toHaveLength(undisturbed === first ? 1 : 0)
    expect(disturbed.heard.at(-2)).toMatch(/^lost \d$/)
    expect(disturbed.heard.at(-1)).toBe(disturbed.heard.at(-2)!.replace('lost', 'owned'))
  })

  it('ends with stop: others take over at once, and nothing more is told', async () => {
    await connect().createTopics([{ topic: 'slots-2', partitions: 2 }])
    const [first, second] = [new Member(), new Member()]
    await first.join(connect(), 'leaving', 'slots-2')
    await first.owns(0, 1)
    await second.join(connect(), 'leaving', 'slots-2')
    await second.until(() => second.membership?.partitions.length === 1)
    const heard = [...first.heard]
    const before = platform.clock.monotonic()
    await first.membership.stop()
    await second.owns(0, 1)
    // Far below the session timeout: it left, it was not found missing.
    expect(platform.clock.monotonic() - before).toBeLessThan(4_000)
    expect(first.heard).toEqual(heard)
  })

  it('in which the coordinator is out of reach for a session is unsure until it has joined again, and loses nothing', async () => {
    const data = mkdtempSync(join(tmpdir(), 'heliostat-membership-'))
    const config = { 'group.min.session.timeout.ms': 100 }
    const before = await startCluster(platform, { name: 'west', data, config })
    const [host, port] = before.bootstrap.split(':') as [string, string]
    const client = connect({ bootstrap: [{ host, port: Number(port) }], name: 'west' })
    await client.createTopics([{ topic: 'slots', partitions: 1 }])
    const member = new Member()
    await member.join(client, 'expiring', 'slots', 800)
    await member.owns(0)
    await before.stop()
    await member.until(() => member.heard.length === 2)
    expect(member.heard).toEqual(['owned 0', 'unsure'])
    const after = await startCluster(platform, { name: 'west', data, port: Number(port), config })
    await member.until(() => member.heard.length === 3)
    expect(member.heard[2]).toBe('owned ')
    expect(member.membership.partitions).toEqual([0])
    await member.membership.stop()
    await after.stop()
    rmSync(data, { recursive: true })
  }, 30_000)
})

describe('a control client', () => {
  it('that reaches nobody says so', async () => {
    const listener = await platform.network.listen({ host: '127.0.0.1', port: 0 }, () => expect.fail('accepted'))
    await listener.close()
    const error = await failure(connect({ bootstrap: [listener.address], name: 'nowhere' }).listTopics())
    expect(error).toMatchObject({ code: 'HEL_UNREACHABLE', retriable: true })
    expect(error.message).toContain('cannot list topics at nowhere')
    expect(error.message).toContain(`127.0.0.1:${listener.address.port}`)
  })

  it('goes on after the broker has closed its connections', async () => {
    const broker = await ScriptedBroker.start()
    broker.on(metadata, () => metadataOf(broker))
    const client = connect({ bootstrap: [broker.address] })
    expect(await client.listTopics()).toEqual(['orders'])
    broker.dropConnections()
    await broker.until(() => broker.openConnections === 0)
    expect(await client.listTopics()).toEqual(['orders'])
    await broker.stop()
  })

  it('dials through the platform, under TLS and with a login', async () => {
    const dialled: (Address & { tls: boolean })[] = []
    const network: Platform['network'] = {
      ...platform.network,
      connect: (address, handler, tls) => {
        dialled.push({ ...address, tls: tls !== undefined })
        return platform.network.connect(address, handler, tls)
      },
    }
    const certificates = makeCertificates()
    const broker = await ScriptedBroker.start({ tls: certificates.server })
    const tokens: string[] = []
    broker.on(metadata, () => metadataOf(broker))
    broker.on(saslHandshake, () => ({ errorCode: 0, mechanisms: ['PLAIN'] }))
    broker.on(saslAuthenticate, ({ authBytes }) => {
      tokens.push(authBytes.toString())
      const errorCode = tokens.length > 2 ? 58 : 0
      return { errorCode, errorMessage: errorCode ? 'not you' : null, authBytes: Buffer.alloc(0) }
    })
    const options: Partial<ControlClientOptions> = {
      bootstrap: [broker.address],
      tls: { ca: certificates.ca },
      sasl: { mechanism: 'plain', username: 'mirror', password: 's3cret' },
    }
    expect(await connect(options, { ...platform, network }).listTopics()).toEqual(['orders'])
    expect(dialled[0]).toEqual({ ...broker.address, tls: true })
    expect(tokens[0]).toBe('\0mirror\0s3cret')
    tokens.push('x', 'x')
    const error = await failure(connect(options).listTopics())
    expect(error.message).toContain('not you')
    expect(error.message).not.toContain('s3cret')
    await broker.stop()
  })

  it('writes to the log of the platform', async () => {
    const lines: string[] = []
    const loud = nodePlatform({ log: { level: 'debug', write: (line) => lines.push(line) } })
    const broker = await ScriptedBroker.start()
    const { address } = broker
    await broker.stop()
    await failure(connect({ bootstrap: [address] }, loud).listTopics())
    expect(JSON.parse(lines[0]!)).toMatchObject({
      component: 'kafkajs',
      level: 'debug',
      broker: `127.0.0.1:${address.port}`,
    })
  })
})

function metadataOf(broker: ScriptedBroker) {
  const topic = { errorCode: 0, name: 'orders', partitions: [] }
  return { brokers: [{ nodeId: 1, ...broker.address }], controllerId: 1, topics: [topic] }
}
