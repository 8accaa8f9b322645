import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import {
  decodeRequest,
  decodeRequestHeader,
  decodeResponse,
  encodeRequest,
  encodeResponse,
} from '../../src/protocol/codec.ts'
import { apiByKey, apis } from '../../src/protocol/messages/index.ts'
import { carries, type FieldSpec, type Fields, isDefault } from '../../src/protocol/schema.ts'

// Bytes written by Kafka's own classes. Each message must decode to the fields that Kafka saw, and encode to the same bytes.

interface Vector {
  api: string
  key: number
  kind: 'request' | 'response'
  version: number
  headerVersion: number
  shape: string
  json: Record<string, unknown>
  hex: string
}

const vectors: Vector[] = readFileSync(new URL('../wire/protocol-4.4.0.jsonl', import.meta.url), 'utf8')
  .trim()
  .split('\n')
  .map((line) => JSON.parse(line))

for (const api of apis) {
  describe(api.name, () => {
    const own = vectors.filter((vector) => vector.key === api.key)

    test('covers the versions that Kafka has', () => {
      const versions = own.map((vector) => vector.version)
      expect(api.versions).toEqual([Math.min(...versions), Math.max(...versions)])
      expect(own.every((vector) => vector.api === api.name)).toBe(true)
    })

    test.each(own)('$kind v$version, $shape', (vector) => {
      if (vector.kind === 'request') checkRequest(vector)
      else checkResponse(vector)
    })
  })
}

function checkRequest(vector: Vector): void {
  const api = apiByKey(vector.key)!
  const header = requestHeader(vector)
  const frame = Buffer.from(header + vector.hex, 'hex')
  const read = decodeRequestHeader(frame)
  expect(read).toMatchObject({ apiKey: vector.key, apiVersion: vector.version, correlationId: 7, clientId: 'mirror' })
  const request = decodeRequest(api, vector.version, frame, read.bodyOffset)
  expect(carried(request, api.request.fields, vector.version)).toEqual(vector.json)
  const bytes = Buffer.concat(encodeRequest(api, vector.version, { correlationId: 7, clientId: 'mirror' }, request))
  expect(bytes.subarray(4).toString('hex')).toBe(header + vector.hex)
  expect(bytes.readInt32BE(0)).toBe(frame.length)
}

function checkResponse(vector: Vector): void {
  const api = apiByKey(vector.key)!
  const header = vector.headerVersion === 1 ? '0000000700' : '00000007'
  const frame = Buffer.from(header + vector.hex, 'hex')
  const response = decodeResponse(api, vector.version, frame)
  expect(carried(response, api.response.fields, vector.version)).toEqual(vector.json)
  const bytes = Buffer.concat(encodeResponse(api, vector.version, 7, response))
  expect(bytes.subarray(4).toString('hex')).toBe(header + vector.hex)
  expect(bytes.readInt32BE(0)).toBe(frame.length)
}

function requestHeader(vector: Vector): string {
  const header = Buffer.alloc(10 + 6)
  header.writeInt16BE(vector.key, 0)
  header.writeInt16BE(vector.version, 2)
  header.writeInt32BE(7, 4)
  header.writeInt16BE(6, 8)
  header.write('mirror', 10)
  return header.toString('hex') + (vector.headerVersion === 2 ? '00' : '')
}

/** The decoded value as Kafka's JSON shows it: only fields of this version, no tagged field at its default, bytes in base64. */
function carried(value: object, fields: Fields, version: number): Record<string, unknown> {
  const shown: Record<string, unknown> = {}
  for (const [name, { spec }] of Object.entries(fields)) {
    if (!carries(spec, version)) continue
    const item = (value as Record<string, unknown>)[name]
    if (spec.tag === undefined || !isDefault(spec, item)) shown[name] = shownValue(item, spec, version)
  }
  return shown
}

function shownValue(value: unknown, spec: FieldSpec, version: number): unknown {
  if (value === null) return null
  if (spec.kind === 'bytes') return (value as Buffer).toString('base64')
  if (spec.kind === 'struct') return carried(value as object, spec.fields!, version)
  if (spec.kind === 'array') {
    const inner = (item: unknown) =>
      spec.fields ? carried(item as object, spec.fields, version) : shownValue(item, spec.element!.spec, version)
    return (value as unknown[]).map(inner)
  }
  return value
}
