// Access rules made, found and removed: the same requests, and Kafka's own tool, on our broker and on Apache Kafka.
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import { Connection } from '../../src/client/connection.ts'
import { nodePlatform } from '../../src/platform/node-platform.ts'
import { createAcls } from '../../src/protocol/messages/create-acls.ts'
import { deleteAcls } from '../../src/protocol/messages/delete-acls.ts'
import { describeAcls } from '../../src/protocol/messages/describe-acls.ts'
import type { Api, RequestInput } from '../../src/protocol/schema.ts'
import { rawConnection } from '../broker/raw-connection.ts'
import { INTER_BROKER_APIS, interBrokerFrame } from '../broker/security/inter-broker-apis.ts'
import { AUTHORIZER } from '../broker/security/rights-ground.ts'
import { runKafkaTool, unavailable } from '../support/apache-kafka.ts'
import { eventually } from './gathering.ts'
import { type Ground, grounds, type RunningGround, title } from './ground.ts'

// A JVM starts for every line that a person would type, so a case takes seconds.
const caseMs = 120_000
const ANONYMOUS_MAY_ALL = { 'authorizer.class.name': AUTHORIZER, 'super.users': 'User:ANONYMOUS' }
const RULE = {
  resourceType: 2,
  resourcePatternType: 3,
  resourceName: 't',
  principal: 'User:a',
  host: '*',
  operation: 3,
  permissionType: 3,
}
const FILTER = {
  resourceTypeFilter: 1,
  resourceNameFilter: null,
  patternTypeFilter: 1,
  principalFilter: null,
  hostFilter: null,
  operation: 1,
  permissionType: 1,
}

const ODD_RULES: readonly Partial<typeof RULE>[] = [
  { resourceType: 0 },
  { resourceType: 1 },
  { resourceType: 6 },
  { resourceType: 7 },
  { resourceType: 99 },
  { resourceType: -1 },
  { resourceType: 4 },
  { resourceType: 4, resourceName: 'kafka-cluster' },
  { resourcePatternType: 0 },
  { resourcePatternType: 1 },
  { resourcePatternType: 2 },
  { resourcePatternType: 99 },
  { operation: 0 },
  { operation: 1 },
  { operation: 2 },
  { operation: 9 },
  { operation: 15 },
  { operation: 99 },
  { permissionType: 0 },
  { permissionType: 1 },
  { permissionType: 99 },
  { resourceName: '' },
  { resourceName: '*' },
  { resourceName: 'no topic has this name!' },
  { principal: 'a' },
  { principal: ':' },
  { principal: 'Group:x' },
  { host: '' },
  { host: 'not a host' },
]

const ODD_FILTERS: readonly Record<string, unknown>[] = [
  {},
  { resourceTypeFilter: 0 },
  { resourceTypeFilter: 99 },
  { resourceTypeFilter: 4 },
  { patternTypeFilter: 0 },
  { patternTypeFilter: 2 },
  { patternTypeFilter: 99 },
  { patternTypeFilter: 2, resourceNameFilter: 't' },
  { patternTypeFilter: 2, resourceNameFilter: 'toast' },
  { patternTypeFilter: 3, resourceNameFilter: 't' },
  { patternTypeFilter: 4, resourceNameFilter: 't' },
  { resourceNameFilter: '' },
  { principalFilter: 'User:a' },
  { principalFilter: 'a' },
  { hostFilter: '' },
  { operation: 99 },
  { operation: 4 },
  { permissionType: 0 },
  { permissionType: 2 },
]

/** Sends on a connection of its own, which Kafka may close; an answer in an order that both have. */
async function ask<A extends Api>(bootstrap: string, api: A, request: RequestInput<A>): Promise<unknown> {
  const [host, port] = bootstrap.split(':')
  const platform = nodePlatform({ log: { level: 'error' } })
  const connection = await Connection.open(platform, { host: host!, port: Number(port), clientId: 'acls' })
  try {
    return JSON.parse(JSON.stringify(await connection.send(api, request)), (_, value) =>
      Array.isArray(value) ? value.map((item) => JSON.stringify(item)).sort() : value,
    )
  } catch {
    return 'the connection is closed'
  } finally {
    connection.close()
  }
}

async function transcript(ground: Ground): Promise<readonly unknown[]> {
  const cluster = await ground.start(ANONYMOUS_MAY_ALL)
  const told: unknown[] = []
  try {
    for (const odd of ODD_RULES) {
      const creations = [
        { ...RULE, ...odd },
        { ...RULE, resourceName: 'plain' },
      ]
      told.push([odd, await ask(cluster.bootstrap, createAcls, { creations })])
    }
    const rest = [
      { ...RULE, operation: 4, permissionType: 2 },
      { ...RULE, resourcePatternType: 4 },
      { ...RULE, host: '10.0.0.1' },
    ]
    await ask(cluster.bootstrap, createAcls, { creations: rest })
    await eventually(async () => {
      const found = await ask(cluster.bootstrap, describeAcls, { ...FILTER, hostFilter: '10.0.0.1' })
      expect(JSON.stringify(found)).toContain('10.0.0.1')
    })
    for (const odd of ODD_FILTERS) {
      told.push([odd, await ask(cluster.bootstrap, describeAcls, { ...FILTER, ...odd })])
    }
    for (const odd of [...ODD_FILTERS].reverse()) {
      told.push([odd, await ask(cluster.bootstrap, deleteAcls, { filters: [{ ...FILTER, ...odd }] })])
    }
    return told
  } finally {
    await cluster.stop()
  }
}

const reason = grounds.map((ground) => ground.reason).find((one) => one !== undefined)

describe.skipIf(reason)(title('rules made, found and removed as by Apache Kafka', reason), () => {
  it('answers the same, wrong rules and filters included', { timeout: caseMs }, async () => {
    const [ours, theirs] = await Promise.all(grounds.map(transcript))
    for (const [index, told] of theirs!.entries()) expect(ours![index]).toEqual(told)
  })
})

describe.each(grounds)('APIs between brokers', (ground) => {
  describe.skipIf(ground.reason)(title(`APIs between brokers on ${ground.name}`, ground.reason), () => {
    it('close a client that asks them', { timeout: caseMs }, async () => {
      const cluster = await ground.start({})
      onTestFinished(() => cluster.stop())
      for (const apiKey of Object.values(INTER_BROKER_APIS)) {
        const raw = await rawConnection(cluster)
        raw.socket.write(interBrokerFrame(apiKey))
        await raw.closed
      }
    })
  })
})

describe.each(grounds)('kafka-acls', (ground) => {
  const missing = unavailable() ?? ground.reason
  describe.skipIf(missing)(title(`kafka-acls on ${ground.name}`, missing), { timeout: caseMs }, () => {
    let cluster: RunningGround

    beforeAll(async () => {
      cluster = await ground.start(ANONYMOUS_MAY_ALL)
    }, 60_000)

    afterAll(() => cluster?.stop())

    /** What the tool printed of the rules that are there, as `pattern: rule`, in order. */
    async function tool(...args: string[]): Promise<string[]> {
      const all = ['--bootstrap-server', cluster.bootstrap, ...args]
      const { code, stdout, stderr } = await runKafkaTool('kafka-acls', all, { timeoutMs: 40_000 })
      if (code !== 0) throw new Error(`kafka-acls ${args.join(' ')} ended with ${code}: ${stdout}${stderr}`)
      let pattern = ''
      return stdout
        .split('\n')
        .flatMap((line) => {
          const named = /resourceType=(\w+), name=(\S+), patternType=(\w+)/.exec(line)
          if (named) pattern = named.slice(1).join(' ')
          const rule = /^\s*\(principal=(\S+), host=(\S+), operation=(\w+), permissionType=(\w+)\)/.exec(line)
          return rule ? [`${pattern}: ${rule.slice(1).join(' ')}`] : []
        })
        .sort()
    }

    it('adds, lists and removes rules', async () => {
      await tool('--add', '--allow-principal', 'User:bob', '--operation', 'Read', '--topic', 'orders')
      await tool(
        ...['--add', '--deny-principal', 'User:eve', '--deny-host', '10.1.1.1', '--operation', 'All'],
        ...['--topic', 'ord', '--resource-pattern-type', 'prefixed'],
      )
      expect(await tool('--list', '--topic', 'orders')).toEqual(['TOPIC orders LITERAL: User:bob * READ ALLOW'])
      const both = ['TOPIC ord PREFIXED: User:eve 10.1.1.1 ALL DENY', 'TOPIC orders LITERAL: User:bob * READ ALLOW']
      expect(await tool('--list', '--topic', 'orders', '--resource-pattern-type', 'match')).toEqual(both)
      await tool('--remove', '--force', '--allow-principal', 'User:bob', '--operation', 'Read', '--topic', 'orders')
      expect(await tool('--list')).toEqual([both[0]])
      await tool('--remove', '--force', '--topic', 'ord', '--resource-pattern-type', 'prefixed')
      expect(await tool('--list')).toEqual([])
    })

    it('gives producers and consumers what they need', async () => {
      await tool('--add', '--allow-principal', 'User:p', '--producer', '--topic', 't', '--transactional-id', 'x')
      await tool('--add', '--allow-principal', 'User:c', '--consumer', '--topic', 't', '--group', 'g')
      expect(await tool('--list')).toEqual(
        [
          'GROUP g LITERAL: User:c * READ ALLOW',
          'TOPIC t LITERAL: User:c * DESCRIBE ALLOW',
          'TOPIC t LITERAL: User:c * READ ALLOW',
          'TOPIC t LITERAL: User:p * CREATE ALLOW',
          'TOPIC t LITERAL: User:p * DESCRIBE ALLOW',
          'TOPIC t LITERAL: User:p * WRITE ALLOW',
          'TRANSACTIONAL_ID x LITERAL: User:p * DESCRIBE ALLOW',
          'TRANSACTIONAL_ID x LITERAL: User:p * WRITE ALLOW',
        ].sort(),
      )
    })
  })
})
