import type { SeededRandom } from './seeded-random.ts'

const EDGE_BYTES = [0x00, 0x01, 0x7f, 0x80, 0xff]
const EDGE_INT32 = [0, -1, 1, 0x7fffffff, -0x80000000, 0xffff, 0x7fff]
/** Overlong, of five and of more bytes, and the greatest. */
const VARINTS = ['ffffffff0f', 'ffffffffff0f', '8080808080808080808001', '80', '8000', 'ffffffff7f', '01']

/** The frame, size included, changed in one to four places. */
export function mutate(random: SeededRandom, frame: Buffer, other: Buffer): Buffer {
  let body: Buffer = Buffer.from(frame.subarray(4))
  for (let changes = 1 + random.below(4); changes > 0; changes--) body = change(random, body, other)
  return sized(random, body)
}

function change(random: SeededRandom, body: Buffer, other: Buffer): Buffer {
  if (body.length === 0) return random.bytes(random.below(20))
  const at = random.below(body.length)
  switch (random.below(12)) {
    case 0:
      return body.subarray(0, at)
    case 1:
      return splice(body, at, 1 + random.below(8), Buffer.alloc(0))
    case 2:
      return splice(body, at, 0, random.bytes(1 + random.below(8)))
    case 3:
      return splice(body, at, random.below(3), Buffer.from(random.pick(VARINTS), 'hex'))
    case 4:
    case 5: {
      const int = Buffer.alloc(4)
      int.writeInt32BE(random.pick(EDGE_INT32) | 0)
      return splice(body, at, 4, int.subarray(0, random.pick([2, 4])))
    }
    case 6:
      return splice(body, at, 0, body.subarray(at, at + random.below(40)))
    case 7:
      return splice(body, at, random.below(40), other.subarray(4 + random.below(Math.max(1, other.length - 4))))
    case 8:
      if (body.length >= 4) body.writeInt16BE(random.pick([-1, 0, 1, 99, 32_767, random.below(16)]), 2)
      return body
    case 9:
      if (body.length >= 2) body.writeInt16BE(random.pick([-1, random.below(110), 32_767]), 0)
      return body
    default:
      body[at] = random.chance(0.5) ? random.pick(EDGE_BYTES) : random.below(256)
      return body
  }
}

function splice(body: Buffer, at: number, removed: number, inserted: Buffer): Buffer {
  return Buffer.concat([body.subarray(0, at), inserted, body.subarray(Math.min(at + removed, body.length))])
}

/** Nearly always with the size that it has: one that lies ends the session. */
function sized(random: SeededRandom, body: Buffer): Buffer {
  const size = Buffer.alloc(4)
  const lies = random.chance(0.02)
  size.writeInt32BE(lies ? random.pick([-1, 0, body.length + 1, body.length - 1, 0x7fffffff, 50_000]) : body.length)
  return Buffer.concat([size, body])
}
