// Every kind of bad input by name, F01 to F15: no crash, one line in the log or a proper error, a bystander who is served, and no
// memory that a sender only announced.
import { connect as tlsConnect } from 'node:tls'
import { getHeapStatistics, setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { gzipSync, zstdCompressSync } from 'node:zlib'
import { describe, expect, it, onTestFinished } from 'vitest'
import { servedApis } from '../../src/broker/apis/index.ts'
import { decodeResponse, encodeRequest } from '../../src/protocol/codec.ts'
import { ErrorCode } from '../../src/protocol/errors.ts'
import { apiVersions } from '../../src/protocol/messages/api-versions.ts'
import { createTopics } from '../../src/protocol/messages/create-topics.ts'
import { fetch } from '../../src/protocol/messages/fetch.ts'
import { metadata } from '../../src/protocol/messages/metadata.ts'
import { produce } from '../../src/protocol/messages/produce.ts'
import type { Api, RequestInput, Response } from '../../src/protocol/schema.ts'
import { buildBatch } from '../../src/records/batch-builder.ts'
import { xxh32 } from '../../src/records/compression/xxh32.ts'
import { crc32c } from '../../src/records/crc32c.ts'
import { ATTRIBUTE, HEADER } from '../../src/records/record-batch.ts'
import { certificates, fourListeners, securedCluster } from '../broker/listeners/secured-cluster.ts'
import { rawConnection } from '../broker/raw-connection.ts'
import { batchOf, fetchOf } from '../broker/requests.ts'
import { FuzzedCluster, type FuzzedConnection } from './fuzzed-cluster.ts'
import { vectorSessions } from './vector-sessions.ts'

setFlagsFromString('--expose-gc')
const collectGarbage: () => void = runInNewContext('gc')

const settled = () => new Promise<void>((resolve) => setImmediate(resolve))
const sized = (body: Buffer): Buffer => {
  const size = Buffer.alloc(4)
  size.writeInt32BE(body.length)
  return Buffer.concat([size, body])
}
const hex = (text: string) => Buffer.from(text.replaceAll(' ', ''), 'hex')

class Ground {
  readonly world: FuzzedCluster
  readonly #bystander: FuzzedConnection

  private constructor(world: FuzzedCluster) {
    this.world = world
    this.#bystander = world.connect()
  }

  static async start(config: Readonly<Record<string, unknown>> = {}): Promise<Ground> {
    const world = await FuzzedCluster.start('bad input', config)
    onTestFinished(() => world.stop())
    return new Ground(world)
  }

  /** Asks as a bystander. */
  async ask<A extends Api>(api: A, version: number, request: RequestInput<A>): Promise<Response<A>> {
    return askOn(this.#bystander, api, version, request)
  }

  async topic(name: string, configs: Readonly<Record<string, string>> = {}): Promise<void> {
    const entries = Object.entries(configs).map(([key, value]) => ({ name: key, value }))
    const topic = { name, numPartitions: 1, replicationFactor: 1, assignments: [], configs: entries }
    const { topics } = await this.ask(createTopics, 7, { topics: [topic] })
    expect(topics[0]!.errorCode).toBe(0)
  }

  async produce(topic: string, batch: Buffer): Promise<number> {
    return (await this.produced(topic, batch)).errorCode
  }

  /** What became of a batch. */
  async produced(topic: string, batch: Buffer): Promise<{ errorCode: number; errorMessage: string | null }> {
    const topicData = [{ name: topic, partitionData: [{ index: 0, records: [batch] }] }]
    const { responses } = await this.ask(produce, 9, { acks: -1, timeoutMs: 1000, topicData })
    return responses[0]!.partitionResponses[0]!
  }

  async bystanderIsServed(): Promise<void> {
    const { brokers } = await this.ask(metadata, 9, { topics: [] })
    expect(brokers).toHaveLength(1)
  }

  /** Sends it on a connection of its own: the connection ends with one line in the log, nobody else notices. */
  async isRefused(bytes: Buffer): Promise<void> {
    const before = this.world.logged.length
    const connection = this.world.connect()
    connection.write(bytes)
    await settled()
    expect(connection.isClosed, bytes.subarray(0, 40).toString('hex')).toBe(true)
    expect(this.world.logged.slice(before).map(({ level }) => level)).toEqual(['warn'])
    await this.bystanderIsServed()
  }

  /** Sends it on a connection of its own, where it is answered or refused, but breaks nothing. */
  async isHarmless(bytes: Buffer): Promise<void> {
    const connection = this.world.connect()
    connection.write(bytes)
    await settled()
    connection.close()
    const crash = this.world.logged.find(({ level }) => level === 'error')
    if (crash) throw new Error(`${bytes.toString('hex')}: ${crash.text}`)
    this.world.logged.length = 0
  }
}

async function askOn<A extends Api>(connection: FuzzedConnection, api: A, version: number, request: RequestInput<A>) {
  connection.write(Buffer.concat(encodeRequest(api, version, { correlationId: 7, clientId: 'good' }, request)))
  for (let turn = 0; turn < 50; turn++) {
    const bytes = connection.take()
    if (bytes.length > 0) return decodeResponse(api, version, bytes.subarray(4))
    await settled()
  }
  throw new Error(`${api.name} was not answered`)
}

/** Bytes that the process holds, its garbage collected. */
async function heldBytes(): Promise<number> {
  await settled()
  collectGarbage()
  await settled()
  collectGarbage()
  const { heapUsed, external } = process.memoryUsage()
  return heapUsed + external
}

/** One frame of the newest version of every API that is served, as Kafka's classes wrote it. */
const newest = servedApis.map(({ api, maxVersion }) => {
  const session = vectorSessions().find(({ about }) => about === `${api.name} v${maxVersion}, filled`)
  const step = session?.steps[0]
  if (!step || !('bytes' in step)) throw new Error(`no vector of ${api.name} v${maxVersion}`)
  return { name: api.name, frame: step.bytes }
})

describe('F01 sizes of frames', () => {
  it.each([
    ['0', '00000000'],
    ['-1', 'ffffffff'],
    ['2^31-1', '7fffffff'],
    ['over the limit', '06400001'],
  ])('a frame of %s bytes ends the connection', async (_what, size) => {
    await (await Ground.start()).isRefused(hex(size))
  })
})

describe('F02 frames that do not come', () => {
  it('neither a frame that never comes nor one that drips in outlives the idle time', async () => {
    const ground = await Ground.start({ 'connections.max.idle.ms': 60_000 })
    const [silent, slow] = [ground.world.connect(), ground.world.connect()]
    silent.write(hex('00100000'))
    for (let byte = 0; byte < 7; byte++) {
      slow.write(Buffer.from([0]))
      await ground.world.clock.advance(10_000)
    }
    expect([silent.isClosed, slow.isClosed]).toEqual([true, true])
  })

  it('10,000 idle connections are held cheaply and let go', async () => {
    const ground = await Ground.start({ 'connections.max.idle.ms': 60_000 })
    const connections = Array.from({ length: 10_000 }, () => ground.world.connect())
    await ground.bystanderIsServed()
    for (const connection of connections) connection.close()
    const before = await heldBytes()
    connections.length = 0
    expect((await heldBytes()) - before).toBeLessThan(10_000_000)
  }, 60_000)
})

describe('F03 valid requests, damaged', () => {
  it.each(newest)('$name cut at every byte, and with every byte replaced', async ({ frame }) => {
    const ground = await Ground.start()
    const body = frame.subarray(4)
    for (let at = 0; at < body.length; at++) {
      await ground.isHarmless(sized(body.subarray(0, at)))
      for (const byte of [0x00, 0x7f, 0x80, 0xff]) {
        const damaged = Buffer.from(body)
        damaged[at] = byte
        await ground.isHarmless(sized(damaged))
      }
    }
    await ground.bystanderIsServed()
  })
})

describe('F04 keys and versions', () => {
  it('an API or a version that is not served ends the connection', async () => {
    const ground = await Ground.start()
    const header = Buffer.alloc(10)
    for (const key of [-1, 999, 32_767]) {
      header.writeInt16BE(key, 0)
      await ground.isRefused(sized(header))
    }
    for (const { api, maxVersion } of servedApis) {
      if (api.key === apiVersions.key) continue
      header.writeInt16BE(api.key, 0)
      for (const version of [-1, maxVersion + 1, 32_767]) {
        header.writeInt16BE(version, 2)
        await ground.isRefused(sized(header))
      }
    }
  })

  it('ApiVersions of any version is answered, in version 0 when it is not known', async () => {
    const ground = await Ground.start()
    for (const version of [-1, 99, 32_767]) {
      const connection = ground.world.connect()
      const header = hex('0012 0000 00000005 ffff')
      header.writeInt16BE(version, 2)
      connection.write(sized(header))
      const answer = decodeResponse(apiVersions, 0, connection.take().subarray(4))
      expect(answer).toMatchObject({ errorCode: ErrorCode.UNSUPPORTED_VERSION, apiKeys: [{ apiKey: 18 }] })
    }
  })
})

describe('F05 lengths and texts', () => {
  it.each([
    ['an overlong varint', '0003 0009 00000001 ffff 00 ffffffffffffffffff01'],
    ['a varint of more than 32 bits', '0003 0009 00000001 ffff 00 ffffffff7f'],
    ['null where it may not be', '0003 0009 00000001 ffff 00 02 00'],
    ['a negative length', '0002 0001 00000001 ffff ffffffff fffffffe'],
    ['a text longer than the frame', '0003 0001 00000001 ffff 00000001 7fff 61'],
    ['a text of more than 32767 bytes', `0003 0009 00000001 ffff 00 02 818002 ${'61'.repeat(32_768)} 00 000000`],
  ])('%s ends the connection', async (_what, body) => {
    await (await Ground.start()).isRefused(sized(hex(body)))
  })

  it('broken UTF-8 in a name is a name that is not valid', async () => {
    const ground = await Ground.start()
    const connection = ground.world.connect()
    connection.write(sized(hex('0003 0004 00000001 ffff 00000001 0002 c328 01')))
    await settled()
    const { topics } = decodeResponse(metadata, 4, connection.take().subarray(4))
    expect(topics).toMatchObject([{ errorCode: ErrorCode.INVALID_TOPIC_EXCEPTION }])
  })
})

/** Room for 2^24 elements, which V8 gives at once, takes 128 MB. */
const ANNOUNCED_BYTES = 64_000_000

describe('F06 counts', () => {
  it.each(newest)(
    '$name with a count of millions or billions at any byte allocates nothing for it',
    async ({ frame }) => {
      const ground = await Ground.start()
      const body = frame.subarray(4)
      const before = await heldBytes()
      for (let at = 10; at + 4 <= body.length; at++) {
        for (const count of ['7fffffff', '00ffffff', 'feffffff07', 'ffffff07']) {
          const damaged = Buffer.concat([body.subarray(0, at), hex(count), body.subarray(at + 4)])
          const usedBefore = getHeapStatistics().used_heap_size
          await ground.isHarmless(sized(damaged))
          expect(getHeapStatistics().used_heap_size - usedBefore).toBeLessThan(ANNOUNCED_BYTES)
        }
      }
      expect((await heldBytes()) - before).toBeLessThan(10_000_000)
      await ground.bystanderIsServed()
    },
  )
})

describe('F07 tagged fields', () => {
  const apiVersionsV3 = (headerTags: string, bodyTags = '00') =>
    sized(hex(`0012 0003 00000001 ffff ${headerTags} 02 61 02 61 ${bodyTags}`))

  it.each([
    ['a count beyond the frame', apiVersionsV3('ffffffff0f')],
    ['a size beyond the frame', sized(hex('0003 0009 00000001 ffff 01 00 ffffffff07'))],
  ])('%s ends the connection', async (_what, bytes) => {
    const ground = await Ground.start()
    if (bytes.readInt16BE(4) === apiVersions.key) await ground.isHarmless(bytes)
    else await ground.isRefused(bytes)
  })

  it('unknown, repeated and unsorted ones are passed over', async () => {
    const ground = await Ground.start()
    const connection = ground.world.connect()
    connection.write(apiVersionsV3('03 05 01 aa 01 00 05 01 bb', '02 09 01 aa 03 00'))
    const { errorCode, apiKeys } = decodeResponse(apiVersions, 3, connection.take().subarray(4))
    expect([errorCode, apiKeys.length]).toEqual([0, servedApis.length])
  })
})

describe('F08 other protocols', () => {
  it.each([
    ['HTTP', Buffer.from('GET / HTTP/1.1\r\nHost: kafka\r\n\r\n')],
    ['TLS', hex('16030100c8010000c40303')],
    ['SSH', Buffer.from('SSH-2.0-OpenSSH_9.6\r\n')],
  ])('%s on the plain port ends the connection', async (_what, bytes) => {
    await (await Ground.start()).isRefused(bytes)
  })

  it('plain bytes on the TLS port end the connection; TLS goes on being served', async () => {
    const cluster = await securedCluster(fourListeners)
    const raw = await rawConnection({ bootstrap: cluster.at('SSL').bootstrap })
    raw.socket.write(Buffer.concat(encodeRequest(apiVersions, 0, { correlationId: 1, clientId: 'x' }, {})))
    await raw.closed
    const { host, port } = cluster.at('SSL')
    const served = tlsConnect({ host, port, ca: certificates.ca, servername: 'localhost' })
    onTestFinished(() => void served.destroy())
    served.write(Buffer.concat(encodeRequest(apiVersions, 0, { correlationId: 5, clientId: 'x' }, {})))
    const answer = await new Promise<Buffer>((resolve, reject) => served.once('data', resolve).once('error', reject))
    expect(answer.readInt32BE(4)).toBe(5)
  })
})

describe('F09 before and around a login', () => {
  const frameOf = (body: string) => sized(hex(body))
  const handshake = frameOf('0011 0001 00000001 ffff 0005 504c41494e')
  const login = (text: string) => {
    const token = Buffer.from(text.replaceAll('|', '\0'))
    const length = token.length.toString(16).padStart(8, '0')
    return frameOf(`0024 0000 00000002 ffff ${length} ${token.toString('hex')}`)
  }
  const asked = Buffer.concat(encodeRequest(metadata, 1, { correlationId: 9, clientId: 'x' }, { topics: [] }))

  it.each<[string, readonly Buffer[]]>([
    ['a request before the login', [asked]],
    ['a request within the login', [handshake, asked]],
    ['a handshake twice', [handshake, handshake]],
    ['a wrong password', [handshake, login('|alice|wrong'), asked]],
    ['the rights of another', [handshake, login('bob|alice|secret'), asked]],
    ['a frame larger than a login', [hex('00100000')]],
  ])('%s is not served, and the connection ends', async (_what, frames) => {
    const cluster = await securedCluster(fourListeners)
    const raw = await rawConnection({ bootstrap: cluster.at('SASL_PLAINTEXT').bootstrap })
    const heard: number[] = []
    raw.socket.on('data', (chunk: Buffer) => void heard.push(chunk.readInt32BE(4)))
    raw.socket.write(Buffer.concat(frames))
    await raw.closed
    expect(heard).not.toContain(9)
    expect(cluster.logged.filter(({ level }) => level === 'error')).toEqual([])
    expect((await (await cluster.open('PLAINTEXT')).send(metadata, { topics: [] })).brokers).toHaveLength(1)
  })
})

describe('F10 clients that play a follower', () => {
  it('a fetch with a replica id is refused and changes nothing', async () => {
    const ground = await Ground.start()
    await ground.topic('t')
    expect(await ground.produce('t', batchOf(['x']))).toBe(0)
    const { responses } = await ground.ask(fetch, 12, { ...fetchOf('t', { offset: 1000 }), replicaId: 1 })
    expect(responses[0]!.partitions[0]!.errorCode).toBe(ErrorCode.NOT_LEADER_OR_FOLLOWER)
    const after = await ground.ask(fetch, 12, fetchOf('t'))
    expect(after.responses[0]!.partitions[0]).toMatchObject({ errorCode: 0, highWatermark: 1 })
  })
})

describe('F11 what brokers and controllers say to each other', () => {
  it('is not served to clients', async () => {
    const ground = await Ground.start()
    const header = Buffer.alloc(10)
    const served = new Set(servedApis.map(({ api }) => api.key))
    // LeaderAndIsr to ControlledShutdown, Vote to AlterPartition, Envelope to AllocateProducerIds, AssignReplicasToDirs, UpdateRaftVoter.
    for (const key of [4, 5, 6, 7, 52, 53, 54, 56, 58, 59, 62, 63, 67, 70, 73, 82]) {
      expect(served.has(key)).toBe(false)
      header.writeInt16BE(key, 0)
      await ground.isRefused(sized(header))
    }
  })
})

const signed = (batch: Buffer) => {
  batch.writeUInt32BE(crc32c(batch.subarray(HEADER.attributes)), HEADER.crc)
  return batch
}
const changed = (change: (batch: Buffer) => void, options = {}) => {
  const batch = batchOf(['a', 'b'], options)
  change(batch)
  return signed(batch)
}
const idempotent = { producerId: 7, producerEpoch: 0, baseSequence: 0 }

describe('F12 record batches', () => {
  it.each<[string, Buffer, readonly number[]]>([
    [
      'magic 0',
      changed((batch) => batch.writeInt8(0, HEADER.magic)),
      [ErrorCode.INVALID_RECORD, ErrorCode.CORRUPT_MESSAGE],
    ],
    [
      'magic 1',
      changed((batch) => batch.writeInt8(1, HEADER.magic)),
      [ErrorCode.INVALID_RECORD, ErrorCode.CORRUPT_MESSAGE],
    ],
    ['magic 3', changed((batch) => batch.writeInt8(3, HEADER.magic)), [ErrorCode.CORRUPT_MESSAGE]],
    ['a bad CRC', Buffer.from(batchOf(['a'])).fill(0xaa, HEADER.crc, HEADER.crc + 4), [ErrorCode.CORRUPT_MESSAGE]],
    ['more records than offsets', changed((batch) => batch.writeInt32BE(9, HEADER.count)), [ErrorCode.INVALID_RECORD]],
    [
      'more offsets than records',
      changed((batch) => batch.writeInt32BE(9, HEADER.lastOffsetDelta)),
      [ErrorCode.INVALID_RECORD],
    ],
    [
      'two billion records',
      changed((batch) => {
        batch.writeInt32BE(0x7fffffff, HEADER.count)
        batch.writeInt32BE(0x7ffffffe, HEADER.lastOffsetDelta)
      }),
      [ErrorCode.INVALID_RECORD],
    ],
    [
      'no records',
      changed((batch) => {
        batch.writeInt32BE(0, HEADER.count)
        batch.writeInt32BE(-1, HEADER.lastOffsetDelta)
      }),
      [ErrorCode.INVALID_RECORD],
    ],
    [
      'a length past the frame',
      changed((batch) => batch.writeInt32BE(0x7fffffff, HEADER.batchLength)),
      [ErrorCode.INVALID_RECORD],
    ],
    ['a negative length', changed((batch) => batch.writeInt32BE(-1, HEADER.batchLength)), [ErrorCode.CORRUPT_MESSAGE]],
    ['two batches', Buffer.concat([batchOf(['a']), batchOf(['b'])]), [ErrorCode.INVALID_RECORD]],
    [
      'a control batch',
      changed((batch) => batch.writeInt16BE(ATTRIBUTE.control, HEADER.attributes)),
      [ErrorCode.INVALID_RECORD],
    ],
    [
      'a negative sequence',
      changed((batch) => batch.writeInt32BE(-5, HEADER.baseSequence), idempotent),
      [ErrorCode.INVALID_RECORD],
    ],
    [
      'a transaction that nobody began',
      batchOf(['a'], { ...idempotent, transactional: true }),
      [ErrorCode.TRANSACTIONAL_ID_AUTHORIZATION_FAILED],
    ],
  ])('%s is refused by its code and not stored', async (_what, batch, codes) => {
    const ground = await Ground.start()
    await ground.topic('t')
    expect(codes).toContain(await ground.produce('t', batch))
    expect(await ground.produce('t', batchOf(['good']))).toBe(0)
    const { responses } = await ground.ask(fetch, 12, fetchOf('t'))
    expect(responses[0]!.partitions[0]!.highWatermark).toBe(1)
    expect(ground.world.logged).toEqual([])
  })

  it('timestamps that go back are stored as they are', async () => {
    const ground = await Ground.start()
    await ground.topic('t')
    const records = [5000, 1].map((timestamp) => ({ timestamp, key: null, value: 'x' }))
    expect(await ground.produce('t', buildBatch(records))).toBe(0)
  })
})

/** A batch whose records are these compressed bytes, whatever they are. */
function batchAround(codec: number, compressed: Buffer, count = 1): Buffer {
  const batch = Buffer.concat([batchOf(['x']).subarray(0, HEADER.records), compressed])
  batch.writeInt32BE(batch.length - 12, HEADER.batchLength)
  batch.writeInt16BE(codec, HEADER.attributes)
  batch.writeInt32BE(count, HEADER.count)
  batch.writeInt32BE(count - 1, HEADER.lastOffsetDelta)
  return signed(batch)
}

const MEGABYTE = 2 ** 20
const zeros = Buffer.alloc(16 * MEGABYTE)
const repeated = (part: Buffer, times: number) => Buffer.concat(Array.from({ length: times }, () => part))
/** A frame of `blocks` blocks, each 4 MiB of zeros in 16 KiB. */
function lz4Bomb(blocks: number): Buffer {
  const length = 4 * MEGABYTE - 1 - 1 - 4 - 15
  const runs = Math.floor(length / 255)
  const match = Buffer.concat([hex('1f 00 0100'), Buffer.alloc(runs, 0xff), Buffer.from([length % 255])])
  const block = Buffer.concat([Buffer.alloc(4), match, hex('10 00')])
  block.writeUInt32LE(block.length - 4, 0)
  const descriptor = hex('60 70')
  const checksum = Buffer.from([(xxh32(descriptor) >>> 8) & 0xff])
  return Buffer.concat([hex('04224d18'), descriptor, checksum, repeated(block, blocks), Buffer.alloc(4)])
}
function snappyBomb(announced: number): Buffer {
  const bytes: number[] = []
  for (let rest = announced; ; rest = Math.floor(rest / 128)) {
    if (rest < 128) return Buffer.from([...bytes, rest, 0x00, 0x00])
    bytes.push((rest % 128) | 0x80)
  }
}

describe('F13 compressed batches', () => {
  const [GZIP, SNAPPY, LZ4, ZSTD] = [1, 2, 3, 4]

  it.each<[string, Buffer]>([
    ['gzip', batchAround(GZIP!, repeated(gzipSync(zeros), 60))],
    ['zstd', batchAround(ZSTD!, repeated(zstdCompressSync(zeros), 64))],
    ['lz4', batchAround(LZ4!, lz4Bomb(60))],
    ['snappy, announced', batchAround(SNAPPY!, snappyBomb(0x7fffffff))],
  ])('a bomb of %s is refused before it has grown', async (_what, batch) => {
    for (const compression of ['producer', 'gzip', 'uncompressed']) {
      const ground = await Ground.start()
      await ground.topic('t', { 'compression.type': compression, 'max.message.bytes': '2000000' })
      const before = process.memoryUsage().rss
      const { errorCode, errorMessage } = await ground.produced('t', batch)
      expect(errorCode).toBe(ErrorCode.CORRUPT_MESSAGE)
      expect(errorMessage).toMatch(/inflates beyond|announces/)
      expect(process.memoryUsage().rss - before).toBeLessThan(400_000_000)
      await ground.bystanderIsServed()
    }
  })

  const plain = batchOf(['x']).subarray(HEADER.records)
  const withDictionary = Buffer.from(zstdCompressSync(plain))
  withDictionary[4] = withDictionary[4]! | 1
  it.each<[string, Buffer]>([
    ['the wrong codec', batchAround(ZSTD!, gzipSync(plain))],
    ['plain bytes that claim a codec', batchAround(LZ4!, Buffer.from(plain))],
    ['half of it missing', batchAround(GZIP!, gzipSync(plain).subarray(0, 12))],
    ['bytes behind it', batchAround(ZSTD!, Buffer.concat([zstdCompressSync(plain), hex('deadbeefdeadbeef')]))],
    ['a dictionary that nobody has', batchAround(ZSTD!, withDictionary)],
    ['a compressed batch in it', batchAround(GZIP!, gzipSync(gzipSync(plain)))],
    ['nothing in it', batchAround(SNAPPY!, Buffer.alloc(0))],
  ])('%s is refused', async (_what, batch) => {
    const ground = await Ground.start()
    await ground.topic('t')
    expect([ErrorCode.CORRUPT_MESSAGE, ErrorCode.INVALID_RECORD]).toContain(await ground.produce('t', batch))
    expect(ground.world.logged).toEqual([])
    await ground.bystanderIsServed()
  })
})

describe('F14 very much at once', () => {
  it.each([
    ['1,000,000', 1_000_000, '00'],
    ['100,000, to be made,', 100_000, '01'],
  ])('%s topics in one Metadata request are answered and none is made', async (_what, count, mayCreate) => {
    const ground = await Ground.start()
    const header = hex('0003 0004 00000001 ffff 00000000')
    header.writeInt32BE(count, 10)
    const names = Buffer.alloc(count * 8)
    for (let topic = 0; topic < count; topic++) {
      names.writeInt16BE(6, topic * 8)
      names.write(topic.toString(36).padStart(6, '_'), topic * 8 + 2)
    }
    const connection = ground.world.connect()
    connection.write(sized(Buffer.concat([header, names, hex(mayCreate)])))
    for (let turn = 0; turn < 10; turn++) await settled()
    expect(decodeResponse(metadata, 4, connection.take().subarray(4)).topics).toHaveLength(count)
    expect((await ground.ask(metadata, 4, { topics: null })).topics).toEqual([])
  })

  it('a hundred thousand partitions in one Produce are answered one by one', async () => {
    const ground = await Ground.start()
    const partitionData = Array.from({ length: 100_000 }, (_, index) => ({ index, records: [] }))
    const request = { acks: -1, timeoutMs: 1, topicData: [{ name: 'absent', partitionData }] }
    const { responses } = await ground.ask(produce, 9, request)
    expect(responses[0]!.partitionResponses).toHaveLength(100_000)
    await ground.bystanderIsServed()
  })

  it('a name is a name, not a pattern, and internal topics take nothing from clients', async () => {
    const ground = await Ground.start()
    await ground.topic('t')
    const { topics } = await ground.ask(metadata, 9, { topics: [{ name: '.*' }, { name: '(a+)+$' }] })
    expect(topics.map(({ errorCode }) => errorCode)).toEqual([17, 17])
    await ground.ask(metadata, 9, { topics: [{ name: '__consumer_offsets' }] })
    expect(await ground.produce('__consumer_offsets', batchOf(['x']))).not.toBe(0)
  })
})

describe('F15 answers that nobody fetches', () => {
  it('a client that does not read is not read from, and what waits for it is bounded', async () => {
    const ground = await Ground.start()
    await ground.topic('t')
    expect(await ground.produce('t', buildBatch([{ timestamp: 1, key: null, value: Buffer.alloc(900_000) }]))).toBe(0)
    const deaf = ground.world.connect()
    deaf.stopReading()
    const frame = Buffer.concat(encodeRequest(fetch, 11, { correlationId: 1, clientId: null }, fetchOf('t')))
    for (let sent = 0; sent < 1000; sent++) deaf.write(frame)
    await settled()
    expect(deaf.isPaused).toBe(true)
    expect(deaf.bytesQueued).toBeLessThan(200_000_000)
    await ground.bystanderIsServed()
    deaf.startReading()
    for (let turn = 0; turn < 20; turn++) {
      await settled()
      deaf.take()
    }
    expect([deaf.isPaused, deaf.isClosed]).toEqual([false, false])
  })

  it('a correlation id may come again: answers come in order', async () => {
    const ground = await Ground.start()
    const connection = ground.world.connect()
    for (const version of [1, 4]) {
      const frame = encodeRequest(metadata, version, { correlationId: 5, clientId: null }, { topics: [] })
      connection.write(Buffer.concat(frame))
    }
    await settled()
    const bytes = connection.take()
    const first = bytes.subarray(4, 4 + bytes.readInt32BE(0))
    const second = bytes.subarray(8 + first.length)
    expect(decodeResponse(metadata, 1, first).brokers).toHaveLength(1)
    expect(decodeResponse(metadata, 4, second).brokers).toHaveLength(1)
  })
})

it('10,000 damaged frames leave less than 10 MB behind', async () => {
  const ground = await Ground.start({ 'auto.create.topics.enable': false })
  const damaged = (round: number) => {
    const { frame } = newest[round % newest.length]!
    const bytes = Buffer.from(frame)
    bytes[4 + ((round * 7919) % (frame.length - 4))] = (round * 31) % 256
    return bytes
  }
  for (let round = 0; round < 2000; round++) await ground.isHarmless(damaged(round))
  const before = await heldBytes()
  for (let round = 2000; round < 12_000; round++) await ground.isHarmless(damaged(round))
  expect((await heldBytes()) - before).toBeLessThan(10_000_000)
})
