import { expect, it, vi } from 'vitest'
import { decodeResponse, encodeRequest } from '../../src/protocol/codec.ts'
import { ErrorCode } from '../../src/protocol/errors.ts'
import { apiVersions } from '../../src/protocol/messages/api-versions.ts'
import { fetch } from '../../src/protocol/messages/fetch.ts'
import { metadata } from '../../src/protocol/messages/metadata.ts'
import type { Response } from '../../src/protocol/schema.ts'
import { splitBatches } from '../../src/records/record-batch.ts'
import { embeddedCluster } from './embedded-cluster.ts'
import { rawConnection, sized } from './raw-connection.ts'
import { batchOf, fetchOf, makeTopic, produceOf } from './requests.ts'

const BAD_FRAMES: Readonly<Record<string, Buffer>> = {
  'an API that is not served': sized(Buffer.from('03e70000000000010000', 'hex')),
  'a version that is not served': sized(Buffer.from('00130063000000010000', 'hex')),
  'a header cut short': sized(Buffer.from('0012', 'hex')),
  'a client id longer than the frame': sized(Buffer.from('0012000000000001ffff7f00', 'hex').fill(0x7f, 8)),
  'a body cut short': sized(Buffer.from('00030009000000010000', 'hex')),
  'an array of two billion topics': sized(Buffer.from('000300010000000100007fffffff', 'hex')),
  'a frame of two gigabytes': Buffer.from('7fffffff00000000', 'hex'),
  'a frame of negative size': Buffer.from('ffffffff00000000', 'hex'),
  'another protocol': Buffer.from('GET / HTTP/1.1\r\nHost: kafka\r\n\r\n'),
}

for (const [what, bytes] of Object.entries(BAD_FRAMES)) {
  it(`closes a connection that sends ${what}, with one line in the log, and serves the others`, async () => {
    const cluster = await embeddedCluster()
    const bystander = await cluster.connect()
    const raw = await rawConnection(cluster)
    raw.socket.write(bytes)
    await raw.closed
    expect(cluster.logged.filter(({ level }) => level === 'warn' || level === 'error')).toHaveLength(1)
    const { brokers } = await bystander.send(metadata, { topics: [] })
    expect(brokers).toHaveLength(1)
  })
}

it('answers what came before a bad frame', async () => {
  const raw = await rawConnection(await embeddedCluster())
  const good = encodeRequest(apiVersions, 0, { correlationId: 5, clientId: 'x' }, {})
  raw.socket.write(Buffer.concat([...good, sized(Buffer.from('0012', 'hex'))]))
  expect((await raw.next()).readInt32BE(0)).toBe(5)
  await raw.closed
})

it('answers in the order of the requests, though a later one is ready first', async () => {
  const cluster = await embeddedCluster()
  const writer = await cluster.connect()
  await makeTopic(writer, 't')
  const raw = await rawConnection(cluster)
  const waits = encodeRequest(fetch, 11, { correlationId: 1, clientId: null }, fetchOf('t', { maxWaitMs: 10_000 }))
  const quick = encodeRequest(metadata, 1, { correlationId: 2, clientId: null }, { topics: [] })
  raw.socket.write(Buffer.concat([...waits, ...quick]))
  // The second answer stands ready once a request of another connection that came later is answered.
  await writer.send(metadata, { topics: [] })
  const order: number[] = []
  const both = [raw.next(), raw.next()].map((frame) => frame.then((bytes) => order.push(bytes.readInt32BE(0))))
  await produceOf(writer, 't', batchOf(['x']))
  await Promise.all(both)
  expect(order).toEqual([1, 2])
})

it('takes a request in any pieces', async () => {
  const raw = await rawConnection(await embeddedCluster())
  const bytes = Buffer.concat(encodeRequest(metadata, 1, { correlationId: 9, clientId: 'slow' }, { topics: [] }))
  for (const byte of bytes) {
    raw.socket.write(Buffer.from([byte]))
    await new Promise((resolve) => setImmediate(resolve))
  }
  expect((await raw.next()).readInt32BE(0)).toBe(9)
})

it('closes a connection that has been silent for connections.max.idle.ms', async () => {
  const cluster = await embeddedCluster({ config: { 'connections.max.idle.ms': 50 } })
  const raw = await rawConnection(cluster)
  await raw.closed
  expect(cluster.logged.filter(({ level }) => level === 'error')).toEqual([])
})

it('does not answer acks 0, and closes when such a request fails', async () => {
  const cluster = await embeddedCluster()
  const writer = await cluster.connect()
  await makeTopic(writer, 't')
  const quiet = await rawConnection(cluster)
  const { produce } = await import('../../src/protocol/messages/produce.ts')
  const request = (topic: string) => ({
    acks: 0,
    timeoutMs: 1000,
    topicData: [{ name: topic, partitionData: [{ index: 0, records: [batchOf(['x'])] }] }],
  })
  const send = (topic: string) =>
    quiet.socket.write(Buffer.concat(encodeRequest(produce, 7, { correlationId: 1, clientId: null }, request(topic))))
  send('t')
  quiet.socket.write(Buffer.concat(encodeRequest(metadata, 1, { correlationId: 2, clientId: null }, { topics: [] })))
  expect((await quiet.next()).readInt32BE(0)).toBe(2)
  await vi.waitFor(async () => {
    const { responses } = await writer.send(fetch, fetchOf('t'), { version: 11 })
    expect(responses[0]!.partitions[0]!.highWatermark).toBe(1)
  })
  send('absent')
  await quiet.closed
})

it('stops while a client waits, and its port is free again', async () => {
  const cluster = await embeddedCluster()
  const connection = await cluster.connect()
  await makeTopic(connection, 't')
  const waiting = connection.send(fetch, fetchOf('t', { maxWaitMs: 60_000 }), { version: 11 })
  const refused = expect(waiting).rejects.toThrow()
  await cluster.stop()
  await refused
  const again = await embeddedCluster({ port: Number(cluster.bootstrap.split(':')[1]) })
  const { errorCode } = await (await again.connect()).send(apiVersions, {
    clientSoftwareName: 'x',
    clientSoftwareVersion: '1',
  })
  expect(errorCode).toBe(ErrorCode.NONE)
})

it('lets no consumer wait for one that does not read its answers, and gives that one the right bytes in the end', async () => {
  const cluster = await embeddedCluster({ config: { 'message.max.bytes': 2_000_000 } })
  const producer = await cluster.connect()
  await makeTopic(producer, 't')
  const stored = Array.from({ length: 24 }, (_, index) => batchOf([String.fromCharCode(97 + index).repeat(1_000_000)]))
  for (const batch of stored) expect(await produceOf(producer, 't', batch)).toMatchObject({ errorCode: 0 })
  const ask = (offset: number) => fetchOf('t', { offset, maxBytes: 1_000_100, partitionMaxBytes: 1_000_100 })
  const onlyValue = (answer: Response<typeof fetch>) => {
    const [batch] = splitBatches(answer.responses[0]!.partitions[0]!.records![0]!).batches
    return batch!.records()[0]!.value!
  }
  const slow = await rawConnection(cluster)
  slow.socket.pause()
  for (let offset = 0; offset < 24; offset++) {
    slow.socket.write(Buffer.concat(encodeRequest(fetch, 12, { correlationId: offset, clientId: 's' }, ask(offset))))
  }
  const quick = await cluster.connect()
  for (let round = 0; round < 3; round++) {
    for (let offset = 0; offset < 24; offset++) {
      expect(onlyValue(await quick.send(fetch, ask(offset), { version: 12 }))[0]).toBe(97 + offset)
    }
  }
  slow.socket.resume()
  for (let offset = 0; offset < 24; offset++) {
    const value = onlyValue(decodeResponse(fetch, 12, await slow.next()))
    expect([offset, value.every((byte) => byte === 97 + offset), value.length]).toEqual([offset, true, 1_000_000])
  }
})
