import { describe, expect, it } from 'vitest'
import { TopicPartition } from '../../src/client/topic-partition.ts'

describe('a topic partition', () => {
  it('is the same value wherever it is made', () => {
    const made = TopicPartition.of('orders', 3)
    expect(TopicPartition.of('orders', 3)).toBe(made)
    expect(TopicPartition.of('orders', 4)).not.toBe(made)
    expect(TopicPartition.of('orders-3', 3)).not.toBe(made)
    expect([made.topic, made.partition, `${made}`]).toEqual(['orders', 3, 'orders-3'])
  })

  it.each([-1, 1.5, Number.NaN, 2 ** 31])('has no partition %s', (partition) => {
    expect(() => TopicPartition.of('orders', partition)).toThrow('is no partition number')
  })
})
