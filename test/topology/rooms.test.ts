import { expect, it } from 'vitest'
import { RoomPool, Rooms } from '../../src/topology/rooms.ts'

function read(rooms: Rooms, text: string): Buffer {
  rooms.readInto().write(text)
  return rooms.keep(text.length)
}

it('keeps what was read as it is until it is released, and offers its memory again then', () => {
  const rooms = new Rooms(new RoomPool(1024 * 1024))
  const kept = Array.from({ length: 20 }, (_, index) => read(rooms, `${index}`.repeat(10_000)))
  for (const [index, bytes] of kept.entries()) expect(bytes.toString()).toBe(`${index}`.repeat(10_000))
  const [first] = kept
  for (const bytes of kept) rooms.release(bytes.length)
  expect(new Set([1, 2, 3, 4, 5].map(() => rooms.readInto().buffer)).size).toBe(1)
  const pooled = Array.from({ length: 40 }, () => read(rooms, 'x'.repeat(50_000)).buffer)
  expect(pooled).toContain(first!.buffer)
})

it('leaves the room that a read was offered where it is, though all that was read before is released meanwhile', () => {
  const rooms = new Rooms(new RoomPool(1024 * 1024))
  const before = read(rooms, 'before')
  // A socket asks for room ahead of time.
  const offered = rooms.readInto()
  rooms.release(before.length)
  offered.write('after')
  expect(rooms.look(5).toString()).toBe('after')
  expect(rooms.keep(5).toString()).toBe('after')
})
