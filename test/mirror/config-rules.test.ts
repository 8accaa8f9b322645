import { describe, expect, test } from 'vitest'
import { type ConfigEntry, configChanges, configsOfCopy, type TopicConfigs } from '../../src/mirror/config-rules.ts'

const SOURCES = { own: 1, broker: 2, static: 4, default: 5 } as const
type From = keyof typeof SOURCES

/** `['retention.ms', '5', 'own']`, and what DescribeConfigs says beside. */
function configs(...entries: [string, string, From, Partial<ConfigEntry>?][]): TopicConfigs {
  return new Map(
    entries.map(([name, value, from, over]) => [
      name,
      { value, source: SOURCES[from], readOnly: false, sensitive: false, ...over },
    ]),
  )
}

const changed = (source: TopicConfigs, target: TopicConfigs, rules = {}) =>
  configChanges(source, target, rules).map(({ name, value }) => `${name}=${value}`)

describe('a copy', () => {
  test('gets what is set for the source topic, or for its brokers while they run', () => {
    const source = configs(['retention.ms', '5', 'own'], ['segment.ms', '7', 'broker'])
    expect(changed(source, configs(['retention.ms', '9', 'default'], ['segment.ms', '7', 'default']))).toEqual([
      'retention.ms=5',
      'segment.ms=7',
    ])
    expect(changed(source, configs(['retention.ms', '5', 'own'], ['segment.ms', '7', 'own']))).toEqual([])
  })

  test('goes back to its own default when its source does, and not otherwise', () => {
    const source = configs(['retention.ms', '604800000', 'default'])
    expect(changed(source, configs(['retention.ms', '5', 'own']))).toEqual(['retention.ms=null'])
    expect(changed(source, configs(['retention.ms', '5', 'broker']))).toEqual([])
    expect(configsOfCopy(source, {})).toEqual(new Map())
  })

  test('gets the defaults of the source when those count', () => {
    const source = configs(['retention.ms', '604800000', 'default'])
    const rules = { useDefaultsFrom: 'source' } as const
    expect(changed(source, configs(['retention.ms', '604800000', 'default']), rules)).toEqual([
      'retention.ms=604800000',
    ])
    expect(configsOfCopy(source, rules)).toEqual(new Map([['retention.ms', '604800000']]))
  })

  test('is left alone in what is read-only, sensitive, or written in a file of the brokers', () => {
    const source = configs(
      ['a', '1', 'own', { readOnly: true }],
      ['b', '1', 'own', { sensitive: true, value: null }],
      ['c', '1', 'static'],
    )
    expect(changed(source, configs(['c', '2', 'own']), { useDefaultsFrom: 'source' })).toEqual([])
  })

  test("is left alone in MirrorMaker's list by default, and in nothing else by another list", () => {
    const names = [
      'follower.replication.throttled.replicas',
      'leader.replication.throttled.replicas',
      'message.timestamp.difference.max.ms',
      'message.timestamp.type',
      'unclean.leader.election.enable',
      'min.insync.replicas',
      'remote.storage.enable',
    ]
    const source = configs(...names.map((name) => [name, 'x', 'own'] as [string, string, From]))
    expect(changed(source, new Map())).toEqual([])
    expect(changed(source, new Map(), { exclude: ['.*\\.replicas', 'message'] })).toEqual(
      [
        'message.timestamp.type=x',
        'unclean.leader.election.enable=x',
        'remote.storage.enable=x',
        'message.timestamp.difference.max.ms=x',
      ].toSorted((a, b) => names.indexOf(a.split('=')[0]!) - names.indexOf(b.split('=')[0]!)),
    )
  })
})
