import { describe, expect, it } from 'vitest'
import { BROKER_CONFIGS, BrokerConfig } from '../../src/broker/broker-config.ts'
import { whyInvalid } from '../../src/broker/config-definition.ts'
import { logConfigFor } from '../../src/broker/effective-config.ts'
import { defaultLogConfig } from '../../src/broker/log/log-config.ts'
import { TOPIC_CONFIGS, topicConfig, whyInvalidTopicConfigs } from '../../src/broker/topic-config.ts'

describe('the config tables', () => {
  it('have defaults that they would take themselves, and names in order and once', () => {
    for (const table of [TOPIC_CONFIGS, BROKER_CONFIGS]) {
      const names = table.map(({ name }) => name)
      expect(names).toEqual([...new Set(names)].sort())
      for (const row of table) if (row.default !== null) expect(whyInvalid(row, row.default)).toBeUndefined()
    }
  })

  it('give a log the defaults that it has by itself', () => {
    expect(logConfigFor(new Map(), new BrokerConfig())).toEqual(defaultLogConfig)
  })

  it('tell a wrong value from a right one by type and range', () => {
    const why = (name: string, value: string) => whyInvalid(topicConfig(name)!, value)
    expect(why('retention.ms', '9223372036854775807')).toBeUndefined()
    expect(why('retention.ms', '9223372036854775808')).toMatch(/Not a number of type LONG/)
    expect(why('retention.ms', '1e3')).toMatch(/Not a number/)
    expect(why('max.message.bytes', '2147483648')).toMatch(/Not a number of type INT/)
    expect(why('segment.bytes', '1048575')).toMatch(/at least 1048576/)
    expect(why('min.cleanable.dirty.ratio', '1.5')).toMatch(/no more than 1/)
    expect(why('cleanup.policy', 'delete, compact')).toBeUndefined()
    expect(why('cleanup.policy', 'delete,zip')).toMatch(/must be one of/)
    expect(why('preallocate', 'TRUE')).toBeUndefined()
    expect(why('preallocate', 'yes')).toMatch(/true or false/)
    expect(why('compression.gzip.level', '0')).toMatch(/between 1 and 9/)
    expect(why('leader.replication.throttled.replicas', '0:1,1:2')).toBeUndefined()
    expect(why('leader.replication.throttled.replicas', 'all')).toMatch(/list of replicas/)
    expect(whyInvalidTopicConfigs(new Map([['segment.byte', '1']]))).toBe('Unknown topic config name: segment.byte')
  })

  it('take a default from the nearest synonym, in its own unit, and let -1 stay -1', () => {
    const retention = (given: Record<string, unknown>) =>
      new BrokerConfig(given).topicDefault(topicConfig('retention.ms')!)
    expect(retention({})).toBe('604800000')
    expect(retention({ 'log.retention.hours': 1 })).toBe('3600000')
    expect(retention({ 'log.retention.hours': 1, 'log.retention.minutes': 1 })).toBe('60000')
    expect(retention({ 'log.retention.hours': 1, 'log.retention.ms': 5 })).toBe('5')
    expect(retention({ 'log.retention.hours': -1 })).toBe('-1')
  })

  it('let the topic override the broker, and the test-only segment size the ordinary one', () => {
    const broker = new BrokerConfig({ 'log.segment.bytes': 2_000_000 })
    expect(logConfigFor(new Map(), broker).segmentBytes).toBe(2_000_000)
    expect(logConfigFor(new Map([['segment.bytes', '3000000']]), broker).segmentBytes).toBe(3_000_000)
    expect(logConfigFor(new Map([['internal.segment.bytes', '100']]), broker).segmentBytes).toBe(100)
  })
})
