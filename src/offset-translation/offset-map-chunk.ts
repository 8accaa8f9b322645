// The durable form of an offset map: chunks of at most 1,024 runs, so that a new gap rewrites the last chunk only.
//
// Layout, version 1: int8 version · varint number of the first run · varint upstream, downstream where the runs before this chunk end
// · varint number of runs · per run: varint gap upstream, varint count * 2 + (gap downstream ? 1 : 0), [varint gap downstream]
// · varint acknowledged downstream · varint number of claims · per claim: varint downstream, uint32 fingerprint, varint number of
// runs, per run varint upstream (the first) or gap upstream (the others), varint count
// · uint32 CRC-32C of all before it. Varints are unsigned LEB128; offsets stay below 2^52. A transactional source costs
// two or three bytes a marker this way. Decoding checks version, CRC, bounds and order, and refuses what it does not know.
import { HeliostatError } from '../platform/errors.ts'
import { crc32c } from '../records/crc32c.ts'
import { CLAIMED_RUNS_MAX, type Claim, type ClaimedRun } from './claim-list.ts'
import type { Run } from './run-list.ts'

export const RUNS_PER_CHUNK = 1024
export const OFFSET_MAX = 2 ** 52 - 1
const VERSION = 1
export interface OffsetMapChunk {
  /** Number of its first run in the partition's whole history; chunk i holds what is left of the runs i * 1024 … */
  readonly firstRun: number
  /** Where the runs before this chunk end (for the first: where mirroring began). */
  readonly base: { readonly upstream: number; readonly downstream: number }
  readonly runs: readonly Run[]
  /** The target's end as far as it had been acknowledged when this was written. */
  readonly acknowledged: number
  /** Batches that opened runs and were not acknowledged yet; only the last chunk has any. */
  readonly claims: readonly Claim[]
}

export function encodeChunk(chunk: OffsetMapChunk): Buffer {
  const bytes: number[] = [VERSION]
  writeVarint(bytes, chunk.firstRun)
  let { upstream, downstream } = chunk.base
  writeVarint(bytes, upstream)
  writeVarint(bytes, downstream)
  writeVarint(bytes, chunk.runs.length)
  for (const run of chunk.runs) {
    const gap = run.downstream - downstream
    writeVarint(bytes, run.upstream - upstream)
    writeVarint(bytes, run.count * 2 + (gap > 0 ? 1 : 0))
    if (gap > 0) writeVarint(bytes, gap)
    upstream = run.upstream + run.count
    downstream = run.downstream + run.count
  }
  writeVarint(bytes, chunk.acknowledged)
  writeVarint(bytes, chunk.claims.length)
  for (const claim of chunk.claims) {
    writeClaim(bytes, claim)
  }
  writeUint32(bytes, crc32c(Buffer.from(bytes)))
  return Buffer.from(bytes)
}

export function decodeChunk(bytes: Buffer): OffsetMapChunk {
  if (bytes.length < 5) throw malformed('too short')
  if (bytes[0] !== VERSION) throw malformed(`version ${bytes[0]}, this release reads version ${VERSION}`)
  const body = bytes.subarray(0, bytes.length - 4)
  if (crc32c(body) >>> 0 !== bytes.readUInt32BE(body.length)) throw malformed('the checksum does not match')
  const reader = new ChunkReader(body)
  const firstRun = reader.varint()
  const base = { upstream: reader.offset(), downstream: reader.offset() }
  const runs = readRuns(reader, base)
  const acknowledged = reader.offset()
  const claims: Claim[] = []
  for (let left = reader.countUpTo(CLAIMED_RUNS_MAX); left > 0; left--) claims.push(readClaim(reader))
  if (reader.left > 0) throw malformed('bytes are left over')
  return { firstRun, base, runs, acknowledged, claims }
}

function writeClaim(bytes: number[], claim: Claim): void {
  writeVarint(bytes, claim.downstream)
  writeUint32(bytes, claim.fingerprint)
  writeVarint(bytes, claim.runs.length)
  let upstream = 0
  for (const run of claim.runs) {
    writeVarint(bytes, run.upstream - upstream)
    writeVarint(bytes, run.count)
    upstream = run.upstream + run.count
  }
}

function readClaim(reader: ChunkReader): Claim {
  const downstream = reader.offset()
  const fingerprint = reader.uint32()
  const runs: ClaimedRun[] = []
  let upstream = 0
  for (let left = reader.countUpTo(CLAIMED_RUNS_MAX); left > 0; left--) {
    upstream = bounded(upstream + reader.varint())
    const count = reader.varint()
    if (count === 0) throw malformed('a claim without records')
    runs.push({ upstream, count })
    upstream = bounded(upstream + count)
  }
  return { downstream, fingerprint, runs }
}

function readRuns(reader: ChunkReader, base: OffsetMapChunk['base']): Run[] {
  const runs: Run[] = []
  let { upstream, downstream } = base
  for (let left = reader.countUpTo(RUNS_PER_CHUNK); left > 0; left--) {
    upstream = bounded(upstream + reader.varint())
    const packed = reader.varint()
    const count = Math.floor(packed / 2)
    if (count === 0) throw malformed('a run without records')
    if (packed % 2 === 1) downstream = bounded(downstream + reader.varint())
    runs.push({ upstream, downstream, count })
    upstream = bounded(upstream + count)
    downstream = bounded(downstream + count)
  }
  return runs
}

class ChunkReader {
  readonly #bytes: Buffer
  #at = 1

  constructor(bytes: Buffer) {
    this.#bytes = bytes
  }

  get left(): number {
    return this.#bytes.length - this.#at
  }

  varint(): number {
    let value = 0
    for (let scale = 1; ; scale *= 128) {
      const byte = this.#bytes[this.#at++]
      if (byte === undefined) throw malformed('it ends in the middle of a number')
      value += (byte & 127) * scale
      if (value > Number.MAX_SAFE_INTEGER) throw malformed('a number is too large')
      if (byte < 128) return value
    }
  }

  offset(): number {
    return bounded(this.varint())
  }

  /** A count that is checked before anything of that size is made. */
  countUpTo(limit: number): number {
    const count = this.varint()
    if (count > limit) throw malformed(`${count} entries where at most ${limit} may stand`)
    return count
  }

  uint32(): number {
    if (this.left < 4) throw malformed('it ends in the middle of a fingerprint')
    this.#at += 4
    return this.#bytes.readUInt32BE(this.#at - 4)
  }
}

function writeVarint(bytes: number[], value: number): void {
  // Division instead of shifts: offsets outgrow 32 bits.
  while (value >= 128) {
    bytes.push((value % 128) + 128)
    value = Math.floor(value / 128)
  }
  bytes.push(value)
}

function writeUint32(bytes: number[], value: number): void {
  bytes.push((value >>> 24) & 255, (value >>> 16) & 255, (value >>> 8) & 255, value & 255)
}

function bounded(offset: number): number {
  if (offset > OFFSET_MAX) throw malformed(`offset ${offset} is too large`)
  return offset
}

function malformed(why: string): HeliostatError {
  return new HeliostatError('HEL_OFFSET_MAP_CHUNK', `a chunk of an offset map cannot be read: ${why}`)
}
