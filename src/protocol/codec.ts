// Encodes and decodes messages with headers. A message's program is written (decoder-source.ts, encoder-source.ts) and
// compiled when a version is first used, and kept for the life of the process; `codecOf(…).source()` shows it.

import { decoderSource } from './decoder-source.ts'
import { encoderSource } from './encoder-source.ts'
import { DecodeError, Reader } from './reader.ts'
import type { Api, Input, Message, Request, RequestInput, Response, ResponseInput, Value } from './schema.ts'
import { EncodeError, Writer } from './writer.ts'

export { DecodeError, EncodeError }

export interface Codec {
  /** `Fetch response v12`. */
  readonly what: string
  decode(reader: Reader): unknown
  encode(writer: Writer, value: unknown): void
  /** The compiled text, for debugging. */
  source(): { decode: string; encode: string }
}

const codecs = new WeakMap<Message, Codec[]>()

/** Throws a RangeError for a version that the message does not have: to choose one that both sides know is the caller's task. */
export function codecOf(message: Message, version: number): Codec {
  const codec = codecs.get(message)?.[version]
  if (codec) return codec
  const [min, max] = message.versions
  if (!(version >= min && version <= max && Number.isInteger(version))) {
    throw new RangeError(`${message.name} has the versions ${min} to ${max}, not ${version}`)
  }
  const versions = codecs.get(message) ?? []
  codecs.set(message, versions)
  versions[version] = compile(message, version)
  return versions[version]
}

function compile(message: Message, version: number): Codec {
  const decoder = decoderSource(message, version)
  const encoder = encoderSource(message, version)
  const decode = new Function('K', `return (r) => {\n${decoder.source}\n}`)
  const encode = new Function('K', `return (w, x) => {\n${encoder.source}\n}`)
  return {
    what: `${message.name} v${version}`,
    decode: decode(decoder.constants),
    encode: encode(encoder.constants),
    source: () => ({ decode: decoder.source, encode: encoder.source }),
  }
}

export interface RequestHeader {
  apiKey: number
  apiVersion: number
  correlationId: number
  clientId: string | null
  /** Where `decodeRequest` goes on: the header's tagged fields or, in classic versions, the body. */
  bodyOffset: number
}

const API_VERSIONS_KEY = 18

/** A whole frame, with its size: small buffers, and between them the record slices as they were given. */
export function encodeRequest<A extends Api>(
  api: A,
  version: number,
  header: { correlationId: number; clientId: string | null },
  request: RequestInput<A>,
): Buffer[] {
  const codec = codecOf(api.request, version)
  const writer = new Writer(codec.what)
  writer.int32(0)
  writer.int16(api.key)
  writer.int16(version)
  writer.int32(header.correlationId)
  // The client id stays a classic string in every header version, so that any broker can read it.
  if (header.clientId === null) writer.int16(-1)
  else writer.string('clientId', header.clientId, false)
  if (version >= api.flexible) writer.varint(0)
  codec.encode(writer, request)
  return finishFrame(writer)
}

export function encodeResponse<A extends Api>(
  api: A,
  version: number,
  correlationId: number,
  response: ResponseInput<A>,
): Buffer[] {
  const codec = codecOf(api.response, version)
  const writer = new Writer(codec.what)
  writer.int32(0)
  writer.int32(correlationId)
  if (hasFlexibleResponseHeader(api, version)) writer.varint(0)
  codec.encode(writer, response)
  return finishFrame(writer)
}

function finishFrame(writer: Writer): Buffer[] {
  const size = writer.bytesWritten - 4
  const frame = writer.finish()
  frame[0]!.writeInt32BE(size, 0)
  return frame
}

/** A client that does not know the broker's versions yet must be able to read this one, so its header never changes (KIP-511). */
function hasFlexibleResponseHeader(api: Api, version: number): boolean {
  return version >= api.flexible && api.key !== API_VERSIONS_KEY
}

/** The part of the header that has the same form in all versions; `frame` is without the size. */
export function decodeRequestHeader(frame: Buffer): RequestHeader {
  const reader = new Reader(frame, 0, 'request header')
  if (frame.length < 10) reader.short(0, 10)
  const length = frame.readInt16BE(8)
  const bodyOffset = 10 + Math.max(0, length)
  if (bodyOffset > frame.length) reader.short(10, length)
  return {
    apiKey: frame.readInt16BE(0),
    apiVersion: frame.readInt16BE(2),
    correlationId: frame.readInt32BE(4),
    clientId: length < 0 ? null : reader.text(10, length),
    bodyOffset,
  }
}

/** `offset` is the header's `bodyOffset`. Bytes behind the body are ignored, as Kafka does. */
export function decodeRequest<A extends Api>(api: A, version: number, frame: Buffer, offset: number): Request<A> {
  const codec = codecOf(api.request, version)
  const reader = new Reader(frame, offset, codec.what)
  if (version >= api.flexible) skipTags(reader)
  return codec.decode(reader) as Request<A>
}

/** Bytes behind the body are refused: they mean that both sides disagree about the version, and the values would be nonsense. */
export function decodeResponse<A extends Api>(api: A, version: number, frame: Buffer): Response<A> {
  const codec = codecOf(api.response, version)
  const reader = new Reader(frame, 4, codec.what)
  if (frame.length < 4) reader.short(0, 4)
  if (hasFlexibleResponseHeader(api, version)) skipTags(reader)
  const response = codec.decode(reader) as Response<A>
  if (reader.offset !== frame.length) reader.malformed(reader.offset, `${frame.length - reader.offset} bytes too many`)
  return response
}

function skipTags(reader: Reader): void {
  for (let left = reader.varint(reader.offset); left > 0; left--) {
    reader.varint(reader.offset)
    const size = reader.varint(reader.offset)
    if (size > reader.end - reader.offset) reader.short(reader.offset, size)
    reader.offset += size
  }
}

/** A message without header: records of internal topics, metadata of group members. */
export function encodeStruct<M extends Message>(message: M, version: number, value: Input<M>): Buffer {
  const codec = codecOf(message, version)
  const writer = new Writer(codec.what)
  codec.encode(writer, value)
  const chunks = writer.finish()
  return chunks.length === 1 ? chunks[0]! : Buffer.concat(chunks)
}

/** Bytes behind the message are ignored: a newer writer may have added fields. */
export function decodeStruct<M extends Message>(message: M, version: number, buffer: Buffer): Value<M> {
  const codec = codecOf(message, version)
  return codec.decode(new Reader(buffer, 0, codec.what)) as Value<M>
}

/** A record or metadata whose bytes begin with the version as an int16. */
export function encodeVersioned<M extends Message>(message: M, version: number, value: Input<M>): Buffer {
  const body = encodeStruct(message, version, value)
  const prefixed = Buffer.allocUnsafe(2 + body.length)
  prefixed.writeInt16BE(version, 0)
  body.copy(prefixed, 2)
  return prefixed
}

/** Refuses a version that `message` does not have; look with `versionOf` first where others are expected. */
export function decodeVersioned<M extends Message>(message: M, buffer: Buffer): Value<M> {
  const version = versionOf(buffer)
  const [min, max] = message.versions
  if (version < min || version > max) throw new DecodeError(`${message.name}: version ${version} is not known`)
  return decodeStruct(message, version, buffer.subarray(2))
}

/** The int16 at the start. */
export function versionOf(buffer: Buffer): number {
  if (buffer.length < 2) throw new DecodeError(`a version wants 2 bytes, there are ${buffer.length}`)
  return buffer.readInt16BE(0)
}
