// The same requests to our broker and to Apache Kafka: error codes, offsets and shapes agree, or the difference is listed with its reason.
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { permissions, unusedPermissions } from './differential/permissions.ts'
import { Run } from './differential/run.ts'
import { configs, describing, frames, topics } from './differential/sequences/administration.ts'
import { coordinators, membership, offsets, staticMembership } from './differential/sequences/groups.ts'
import { brokers, credentials, features, otherConfigs, quotas } from './differential/sequences/operation.ts'
import { random } from './differential/sequences/random.ts'
import { fetching, idempotence, listing, producing } from './differential/sequences/records.ts'
import { transactions } from './differential/sequences/transactions.ts'
import { Side } from './differential/side.ts'
import { apache, embedded, type RunningGround, title } from './ground.ts'

const sequenceMs = 60_000

/** Each on topics and groups of its own. */
const sequences: readonly (readonly [string, (run: Run) => Promise<void>])[] = [
  ['finds coordinators', coordinators],
  ['produces', producing],
  ['produces idempotently', idempotence],
  ['fetches', fetching],
  ['lists offsets and deletes records', listing],
  ['commits offsets', offsets],
  ['joins groups', membership],
  ['joins groups as static members', staticMembership],
  ['drives transactions', transactions],
  ['asks at random', random],
  ['makes and deletes topics', topics],
  ['describes', describing],
  ['alters configs', configs],
  ['alters configs of what is no topic', otherConfigs],
  ['sets quotas', quotas],
  ['sets SCRAM credentials', credentials],
  ['sets features', features],
  ['administers brokers', brokers],
  ['sends rubbish', frames],
]

describe.skipIf(apache.reason)(title('the embedded broker beside Apache Kafka', apache.reason), () => {
  let ours: RunningGround
  let kafkas: RunningGround
  let requests = 0

  beforeAll(async () => {
    const config = { 'num.partitions': 1, 'offsets.topic.num.partitions': 5, 'transaction.state.log.num.partitions': 5 }
    ;[ours, kafkas] = await Promise.all([embedded.start(config), apache.start(config)])
  }, sequenceMs)

  afterAll(async () => {
    process.stderr.write(`the differential run asked ${requests} requests of each broker\n`)
    await Promise.all([ours?.stop(), kafkas?.stop()])
  })

  it.each(sequences)(
    'a client that %s is answered alike',
    async (_, sequence) => {
      const sides = [new Side(ours.bootstrap), new Side(kafkas.bootstrap)] as const
      const run = new Run(...sides)
      try {
        await sequence(run)
      } finally {
        for (const side of sides) side.close()
        requests += run.requests
      }
      expect(run.findings).toEqual([])
    },
    sequenceMs,
  )

  it('differs from Kafka nowhere without need, and docs/protocol.md says where', () => {
    expect(unusedPermissions()).toEqual([])
    const page = readFileSync(join(import.meta.dirname, '../../docs/protocol.md'), 'utf8')
    for (const { reason } of permissions) expect(page).toContain(reason)
  })
})
