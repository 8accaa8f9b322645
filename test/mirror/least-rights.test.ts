import { expect, test } from 'vitest'
import { leastRights, type RightsOptions } from '../../src/mirror/least-rights.ts'
import { type Naming, replicationPolicy } from '../../src/mirror/replication-policy.ts'

function rights(topics: string[], naming: Naming = 'prefix', over: Partial<RightsOptions> = {}): string[] {
  const found = leastRights({
    policy: replicationPolicy({ naming, source: 'east' }),
    topics,
    groups: [],
    copyPrefix: naming === 'prefix' ? 'east.' : undefined,
    keepsNames: naming === 'identity',
    sharingGroup: 'g',
    follows: { topicConfigs: true, acls: false, deletes: false, groupOffsets: true },
    mm2Topics: false,
    heartbeats: [],
    transactionalIds: undefined,
    ...over,
  })
  return found.map(({ side, resource, name, prefixed, operations }) =>
    [side, resource, prefixed ? `${name}*` : name, operations.join()].join(' '),
  )
}

const topicsAt = (side: string, list: string[]) =>
  list
    .filter((text) => text.startsWith(`${side} topic`) && !text.includes('heliostat.'))
    .map((text) => text.split(' ')[2])

test('a pattern asks for the longest prefix of all that it matches, and nothing that another covers', () => {
  const asked = (...patterns: string[]) => topicsAt('source', rights(patterns))
  expect(asked('orders')).toEqual(['orders'])
  expect(asked('orders\\.v1')).toEqual(['orders.v1'])
  expect(asked('orders.*', 'orders-eu', 'pay-[a-z]+')).toEqual(['orders*', 'pay-*'])
  expect(asked('ordersx?', 'orders*')).toEqual(['order*'])
  expect(asked('orders\\.?v')).toEqual(['orders*'])
  expect(asked('a|b')).toEqual(['*'])
  expect(asked('orders.*', '.*')).toEqual(['*'])
})

test('copies are asked for under their names', () => {
  expect(topicsAt('target', rights(['orders', 'pay.*', 'orders']))).toEqual(['east.orders', 'east.pay*'])
  expect(topicsAt('target', rights(['.*']))).toEqual(['east.*'])
  expect(topicsAt('target', rights(['pay.*', 'orders'], 'identity'))).toEqual(['pay*', 'orders'])
  const rename: Naming = { rename: { match: 'a(.*)', replace: 'b$1' } }
  expect(topicsAt('target', rights(['ax'], rename))).toEqual(['bx'])
  expect(topicsAt('target', rights(['a.*'], rename))).toEqual(['*'])
})

test('more is asked for only by what needs it', () => {
  const plain = rights(['t'])
  expect(plain.join('\n')).not.toMatch(/cluster|Delete|heartbeats|__consumer_offsets/)
  expect(rights(['t'], 'prefix', { groups: ['g'] })).toContain('source topic __consumer_offsets Read')
  expect(rights(['.*'], 'prefix', { groups: ['g'] }).join()).not.toContain('__consumer_offsets')
  const follows = { topicConfigs: false, acls: true, deletes: true, groupOffsets: true }
  const all = rights(['t'], 'prefix', {
    follows,
    mm2Topics: true,
    heartbeats: ['heartbeats', 'north.heartbeats'],
    transactionalIds: 'heliostat.f.',
  })
  expect(all).toEqual([
    'source topic t Read,DescribeConfigs',
    'source topic heartbeats Read,DescribeConfigs',
    'source topic north.heartbeats Read,DescribeConfigs',
    'source cluster kafka-cluster Describe',
    'target topic east.t Read,Write,Create,Alter,DescribeConfigs,Delete',
    'target topic east.heartbeats Read,Write,Create,Alter,DescribeConfigs,Delete',
    'target topic east.north.heartbeats Read,Write,Create,Alter,DescribeConfigs,Delete',
    'target topic heliostat.east.* Read,Write,Create',
    'target group g Read',
    'target transactional-id heliostat.f.* Write',
    'target topic heartbeats Write,Create',
    'target topic mm2-offset-syncs.east.internal Write,Create',
    'target topic east.checkpoints.internal Write,Create',
    'target cluster kafka-cluster Describe,Alter',
  ])
})

test('who goes on with copies of MirrorMaker reads where it says that they end', () => {
  const asked = rights(['orders'], 'prefix', { mm2Topics: true, takesOverWith: 'mm2-offset-syncs.west.internal' })
  expect(asked).toContain('source topic mm2-offset-syncs.west.internal Read')
  expect(asked).toContain('target topic mm2-offset-syncs.east.internal Read')
})
