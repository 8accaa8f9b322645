import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { type Cluster, startCluster } from '../../src/broker/cluster.ts'
import type { ClusterClient } from '../../src/client/cluster-client.ts'
import { ControlClient } from '../../src/client/control-client.ts'
import type { KafkajsOptions } from '../../src/client/kafkajs.ts'
import type { Membership } from '../../src/client/membership.ts'
import type { HeliostatError } from '../../src/platform/errors.ts'
import { nodePlatform } from '../../src/platform/node-platform.ts'
import type { Address, Platform, TlsOptions } from '../../src/platform/platform.ts'
import { findCoordinator } from '../../src/protocol/messages/find-coordinator.ts'
import { heartbeat } from '../../src/protocol/messages/heartbeat.ts'
import { joinGroup } from '../../src/protocol/messages/join-group.ts'
import { leaveGroup } from '../../src/protocol/messages/leave-group.ts'
import { metadata } from '../../src/protocol/messages/metadata.ts'
import { offsetFetch } from '../../src/protocol/messages/offset-fetch.ts'
import { saslAuthenticate } from '../../src/protocol/messages/sasl-authenticate.ts'
import { saslHandshake } from '../../src/protocol/messages/sasl-handshake.ts'
import { syncGroup } from '../../src/protocol/messages/sync-group.ts'
import { makeCertificates } from '../support/certificate.ts'
import { clientOf, makeTopic } from '../support/log-content.ts'
import { ScriptedBroker } from '../support/scripted-broker.ts'

const platform = nodePlatform({ log: { level: 'silent' } })
let cluster: Cluster
let bootstrap: Address
let topics: ClusterClient
const clients: ControlClient[] = []

beforeAll(async () => {
  cluster = await startCluster(platform, { name: 'east' })
  topics = clientOf(cluster.bootstrap, platform)
  const [host, port] = cluster.bootstrap.split(':') as [string, string]
  bootstrap = { host, port: Number(port) }
})
afterAll(async () => {
  topics.close()
  await cluster.stop()
})
afterEach(async () => {
  for (const client of clients.splice(0)) await client.close()
})

function connect(options: Partial<KafkajsOptions> = {}, on: Platform = platform): ControlClient {
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

/** A member that keeps what it is told and lets a test wait for it. */
class Member {
  readonly heard: string[] = []
  error: HeliostatError | undefined
  membership!: Membership
  #waiting: { until: () => boolean; resolve: () => void }[] = []

  async join(client: ControlClient, groupId: string, topic: string, sessionTimeoutMs = 6_000): Promise<void> {
    const options = { groupId, topic, sessionTimeoutMs, heartbeatIntervalMs: 100 }
    this.membership = await client.joinGroup(options, {
      owned: (partitions) => this.#hear(`owned ${partitions.join(' ')}`),
      lost: (partitions) => this.#hear(`lost ${partitions.join(' ')}`),
      joined: () => {},
      unsure: () => this.#hear('unsure'),
      failed: (error) => {
        this.error = error
        this.#hear(`failed ${error.code}`)
      },
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
    await makeTopic(topics, 'slots', 4)
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
    await makeTopic(topics, 'slots-2', 2)
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
    const west = clientOf(before.bootstrap, platform)
    await makeTopic(west, 'slots', 1)
    west.close()
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
    const client = connect({ bootstrap: [listener.address], name: 'nowhere' })
    const error = await failure(new Member().join(client, 'sharing', 'slots'))
    expect(error).toMatchObject({ code: 'HEL_UNREACHABLE', retriable: true, where: { cluster: 'nowhere' } })
    expect(error.message).toContain('cannot join group sharing at nowhere')
    expect(error.message).toContain(`127.0.0.1:${listener.address.port}`)
  })

  it('that may not join a group hears why, and that trying again is no use', async () => {
    const broker = await startCoordinator('slots')
    broker.on(joinGroup, () => ({ errorCode: 30, protocolName: '', leader: '', memberId: '', members: [] }))
    const member = new Member()
    await member.join(connect({ bootstrap: [broker.address] }), 'not-ours', 'slots')
    await member.until(() => member.heard.length > 0)
    expect(member.heard).toEqual(['failed HEL_CONTROL'])
    expect(member.error).toMatchObject({ retriable: false, where: { cluster: 'east', errorCode: 30 } })
    expect(member.error!.message).toContain('cannot stay in group not-ours at east: GROUP_AUTHORIZATION_FAILED')
    await broker.stop()
  })

  it('goes on after the broker has closed its connections', async () => {
    const broker = await startCoordinator('slots')
    const client = connect({ bootstrap: [broker.address] })
    const member = new Member()
    await member.join(client, 'sharing', 'slots')
    await broker.until(() => broker.callsOf(heartbeat).length > 0)
    const { accepted } = broker
    broker.dropConnections()
    await broker.until(() => broker.callsOf(heartbeat).some(({ connection }) => connection >= accepted))
    expect(member.heard).toEqual(['owned 0'])
    await client.close()
    await broker.stop()
  })

  it('leaves its groups when it is closed', async () => {
    const broker = await startCoordinator('slots')
    const client = connect({ bootstrap: [broker.address] })
    const member = new Member()
    await member.join(client, 'sharing', 'slots')
    await broker.until(() => broker.callsOf(heartbeat).length > 0)
    await client.close()
    expect(broker.callsOf(leaveGroup)).toHaveLength(1)
    await broker.until(() => broker.openConnections === 0)
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
    const broker = await startCoordinator('slots', certificates.server)
    const tokens: string[] = []
    let errorCode = 0
    broker.on(saslHandshake, () => ({ errorCode: 0, mechanisms: ['PLAIN'] }))
    broker.on(saslAuthenticate, ({ authBytes }) => {
      tokens.push(authBytes.toString())
      return { errorCode, errorMessage: errorCode ? 'not you' : null, authBytes: Buffer.alloc(0) }
    })
    const options: Partial<KafkajsOptions> = {
      bootstrap: [broker.address],
      tls: { ca: certificates.ca },
      sasl: { mechanism: 'plain', username: 'mirror', password: 's3cret' },
    }
    const client = connect(options, { ...platform, network })
    const member = new Member()
    await member.join(client, 'sharing', 'slots')
    await member.owns(0)
    await client.close()
    expect(dialled).toHaveLength(broker.accepted)
    for (const dial of dialled) expect(dial).toEqual({ ...broker.address, tls: true })
    expect(new Set(tokens)).toEqual(new Set(['\0mirror\0s3cret']))
    errorCode = 58
    const error = await failure(new Member().join(connect(options), 'sharing', 'slots'))
    expect(error.code).toBe('HEL_AUTHENTICATION')
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
    await failure(new Member().join(connect({ bootstrap: [address] }, loud), 'sharing', 'slots'))
    expect(JSON.parse(lines[0]!)).toMatchObject({
      component: 'kafkajs',
      level: 'debug',
      broker: `127.0.0.1:${address.port}`,
    })
  })
})

/** A broker that coordinates a group of one member over a topic of one partition. */
async function startCoordinator(topic: string, tls?: TlsOptions): Promise<ScriptedBroker> {
  const broker = await ScriptedBroker.start({ tls })
  const partition = { errorCode: 0, partitionIndex: 0, leaderId: 1, replicaNodes: [1], isrNodes: [1] }
  const topics = [{ errorCode: 0, name: topic, partitions: [partition] }]
  broker.on(metadata, () => ({ brokers: [{ nodeId: 1, ...broker.address }], controllerId: 1, topics }))
  broker.on(findCoordinator, () => ({ errorCode: 0, nodeId: 1, ...broker.address }), [0, 2])
  broker.on(joinGroup, ({ protocols }) => {
    const [{ name, metadata }] = protocols as [(typeof protocols)[number]]
    const members = [{ memberId: 'm', metadata }]
    return { errorCode: 0, generationId: 1, protocolName: name, leader: 'm', memberId: 'm', members }
  })
  broker.on(syncGroup, ({ assignments }) => ({ errorCode: 0, assignment: assignments[0]!.assignment }))
  // kafkajs wants to know where to go on reading, though it never reads.
  const partitions = [{ partitionIndex: 0, committedOffset: 0, metadata: null, errorCode: 0 }]
  broker.on(offsetFetch, () => ({ errorCode: 0, topics: [{ name: topic, partitions }] }), [1, 5])
  broker.on(heartbeat, () => ({ errorCode: 0 }))
  broker.on(leaveGroup, () => ({ errorCode: 0, members: [] }))
  return broker
}
