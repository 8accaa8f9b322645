import { describe, expect, test } from 'vitest'
import {
  DecodeError,
  decodeRequest,
  decodeRequestHeader,
  decodeResponse,
  encodeRequest,
  encodeResponse,
} from '../../src/protocol/codec.ts'
import { apiVersions } from '../../src/protocol/messages/api-versions.ts'
import { fetch } from '../../src/protocol/messages/fetch.ts'
import { heartbeat } from '../../src/protocol/messages/heartbeat.ts'
import { produce } from '../../src/protocol/messages/produce.ts'

const beat = { groupId: 'billing', generationId: 3, memberId: 'm-1' }

describe('request headers', () => {
  test('can be read without knowing the API or the version', () => {
    const frame = Buffer.from('7fff 7ffe 0000002a 0004 6b636174 ff'.replaceAll(' ', ''), 'hex')
    expect(decodeRequestHeader(frame)).toEqual({
      apiKey: 32767,
      apiVersion: 32766,
      correlationId: 42,
      clientId: 'kcat',
      bodyOffset: 14,
    })
  })

  test('without a client id say null', () => {
    const frame = Buffer.concat(encodeRequest(heartbeat, 0, { correlationId: -7, clientId: null }, beat)).subarray(4)
    const header = decodeRequestHeader(frame)
    expect(header).toMatchObject({ apiKey: 12, correlationId: -7, clientId: null, bodyOffset: 10 })
    expect(decodeRequest(heartbeat, 0, frame, header.bodyOffset)).toMatchObject(beat)
  })

  test('of flexible versions may carry tagged fields that nobody knows', () => {
    const frame = Buffer.concat(encodeRequest(heartbeat, 4, { correlationId: 1, clientId: 'c' }, beat)).subarray(4)
    const withTags = Buffer.concat([frame.subarray(0, 11), Buffer.from('0200016109028888', 'hex'), frame.subarray(12)])
    expect(decodeRequest(heartbeat, 4, withTags, 11)).toMatchObject(beat)
  })

  test('cut short are refused', () => {
    const frame = Buffer.concat(encodeRequest(heartbeat, 4, { correlationId: 1, clientId: 'client' }, beat)).subarray(4)
    for (let length = 0; length < 16; length++) {
      expect(() => decodeRequestHeader(frame.subarray(0, length))).toThrow(DecodeError)
    }
    expect(() => decodeRequest(heartbeat, 4, frame.subarray(0, 16), 16)).toThrow(DecodeError)
  })
})

describe('response headers', () => {
  test('of ApiVersions never grow, so that any client can read the refusal of its version', () => {
    const refusal = { errorCode: 35, apiKeys: [{ apiKey: 18, minVersion: 0, maxVersion: 4 }] }
    const flexible = Buffer.concat(encodeResponse(apiVersions, 3, 5, refusal))
    expect(flexible.subarray(4, 11).toString('hex')).toBe('00000005' + '0023' + '02')
    expect(decodeResponse(apiVersions, 3, flexible.subarray(4))).toMatchObject(refusal)
    const classic = Buffer.concat(encodeResponse(apiVersions, 0, 5, refusal))
    expect(decodeResponse(apiVersions, 0, classic.subarray(4))).toMatchObject(refusal)
  })

  test('of flexible versions may carry tagged fields that nobody knows', () => {
    const frame = Buffer.from('00000005' + '01' + '0702aabb' + '00000000' + '001b' + '00', 'hex')
    expect(decodeResponse(heartbeat, 4, frame)).toEqual({ throttleTimeMs: 0, errorCode: 27 })
  })

  test('a response with bytes to spare is refused, a request is not', () => {
    const response = Buffer.concat([...encodeResponse(heartbeat, 4, 1, { errorCode: 0 }), Buffer.alloc(1)]).subarray(4)
    expect(() => decodeResponse(heartbeat, 4, response)).toThrow('1 bytes too many')
    const header = { correlationId: 1, clientId: 'c' }
    const request = Buffer.concat([...encodeRequest(heartbeat, 4, header, beat), Buffer.alloc(1)]).subarray(4)
    expect(decodeRequest(heartbeat, 4, request, 11)).toMatchObject(beat)
  })
})

describe('records', () => {
  const slices = [Buffer.from('first'), Buffer.from('second'), Buffer.alloc(0)]
  const request = {
    acks: -1,
    timeoutMs: 1000,
    topicData: [
      {
        name: 'orders',
        partitionData: [
          { index: 0, records: slices },
          { index: 1, records: [] },
          { index: 2, records: null },
          { index: 3, records: [slices[1]!] },
        ],
      },
    ],
  }

  test.each([7, 9])('go out as the slices they are, v%i', (version) => {
    const frame = encodeRequest(produce, version, { correlationId: 1, clientId: 'c' }, request)
    expect(frame.filter((chunk) => slices.some((slice) => slice === chunk))).toEqual([
      slices[0],
      slices[1],
      slices[2],
      slices[1],
    ])
    const bytes = Buffer.concat(frame)
    expect(bytes.readInt32BE(0)).toBe(bytes.length - 4)
    const decoded = decodeRequest(produce, version, bytes.subarray(4), 11)
    expect(decoded.topicData[0]!.partitionData).toEqual([
      { index: 0, records: [Buffer.from('firstsecond')] },
      { index: 1, records: [] },
      { index: 2, records: null },
      { index: 3, records: [slices[1]] },
    ])
  })

  test.each([11, 16])('come in as a slice of the frame, v%i', (version) => {
    const records = [Buffer.from('batch')]
    const partitions = [{ partitionIndex: 0, errorCode: 0, highWatermark: 9, abortedTransactions: null, records }]
    const frame = Buffer.concat(
      encodeResponse(fetch, version, 1, { throttleTimeMs: 0, responses: [{ partitions }] }),
    ).subarray(4)
    const slice = decodeResponse(fetch, version, frame).responses[0]!.partitions[0]!.records![0]!
    frame.write('BATCH', slice.byteOffset - frame.byteOffset)
    expect(slice.toString()).toBe('BATCH')
  })
})
