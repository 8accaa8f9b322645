import { describe, expect, test } from 'vitest'
import { TopicPartition } from '../../src/client/topic-partition.ts'
import { ProduceWindow } from '../../src/sink/produce-window.ts'

const [zero, one] = [TopicPartition.of('orders', 0), TopicPartition.of('orders', 1)]

describe('the produce window', () => {
  test('has room until the bytes in flight reach its limit', () => {
    const window = new ProduceWindow({ bytesMax: 100 })
    window.sent(60, [zero])
    expect(window.hasRoom).toBe(true)
    window.sent(60, [zero, one])
    expect(window.hasRoom).toBe(false)
    window.settled(60, [zero])
    expect(window.hasRoom).toBe(true)
  })

  test('lets one request larger than itself pass', () => {
    const window = new ProduceWindow({ bytesMax: 100 })
    expect(window.hasRoom).toBe(true)
    window.sent(1_000, [zero])
    expect(window.hasRoom).toBe(false)
  })

  test('counts per partition how many requests are in flight', () => {
    const window = new ProduceWindow({ bytesMax: 100 })
    window.sent(1, [zero, one])
    window.sent(1, [zero])
    expect([window.inFlight(zero), window.inFlight(one)]).toEqual([2, 1])
    window.settled(1, [zero, one])
    expect([window.inFlight(zero), window.inFlight(one)]).toEqual([1, 0])
  })

  test('throws when more is settled than was sent', () => {
    const window = new ProduceWindow({ bytesMax: 100 })
    expect(() => window.settled(1, [zero])).toThrow('invariant 1')
    const other = new ProduceWindow({ bytesMax: 100 })
    other.sent(1, [zero])
    expect(() => other.settled(1, [one])).toThrow('invariant 3')
  })
})
