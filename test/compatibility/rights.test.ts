// Apache Kafka with StandardAuthorizer, asked the same as our broker (test/broker/security/rights-rows.ts): who is served, and how the
// others are refused. Its users log in with SASL PLAIN.
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { Connection } from '../../src/client/connection.ts'
import { nodePlatform } from '../../src/platform/node-platform.ts'
import { describeAcls } from '../../src/protocol/messages/describe-acls.ts'
import { rightsBroker } from '../broker/security/rights-broker.ts'
import { type AskAs, AUTHORIZER, grant, look, makeWorld } from '../broker/security/rights-ground.ts'
import { type Row, rows, type World } from '../broker/security/rights-rows.ts'
import { ApacheKafka } from '../support/apache-kafka.ts'
import { eventually } from './gathering.ts'
import { apache, title } from './ground.ts'

interface Case {
  readonly row: Row
  readonly who: string
  /** Index of the need that the user lacks; undefined: it has them all. */
  readonly missing: number | undefined
}

const NAMES: World = { topic: '', topicId: '', group: '', transaction: '', fresh: '' }
const platform = nodePlatform({ log: { level: 'error' } })

const cases: readonly Case[] = rows.flatMap((row, index) => {
  const lacking = row.needs(NAMES).map((_, missing) => ({ row, who: `user-${index}-${missing}`, missing }))
  return [...lacking, { row, who: `user-${index}`, missing: undefined }]
})

function saslConfig(users: readonly string[]): Record<string, string> {
  const entries = users.map((user) => `user_${user}="secret"`).join(' ')
  return {
    'authorizer.class.name': AUTHORIZER,
    // The broker speaks to the controller without a login; nobody else can come without one.
    'super.users': 'User:root;User:ANONYMOUS',
    'listener.security.protocol.map': 'CONTROLLER:PLAINTEXT,PLAINTEXT:SASL_PLAINTEXT',
    'sasl.enabled.mechanisms': 'PLAIN',
    'sasl.mechanism.inter.broker.protocol': 'PLAIN',
    'listener.name.plaintext.plain.sasl.jaas.config': `org.apache.kafka.common.security.plain.PlainLoginModule required username="root" password="secret" ${entries};`,
  }
}

describe.skipIf(apache.reason)(title('rights on Apache Kafka', apache.reason), { timeout: 60_000 }, () => {
  const connections = new Map<string, Promise<Connection>>()
  let kafka: ApacheKafka

  beforeAll(async () => {
    kafka = await ApacheKafka.start({ config: saslConfig(['root', 'nobody', ...cases.map(({ who }) => who)]) })
  }, 60_000)

  afterAll(async () => {
    for (const connection of connections.values()) (await connection).close()
    await kafka?.stop()
  })

  const ask: AskAs = async (who, api, request, version) => {
    const open = () => {
      const sasl = { mechanism: 'plain', username: who, password: 'secret' } as const
      return Connection.open(platform, { host: '127.0.0.1', port: kafka.port, clientId: 'test', sasl })
    }
    const connection = connections.get(who) ?? open()
    connections.set(who, connection)
    return (await connection).send(api, request, version === undefined ? {} : { version })
  }

  it.each(cases.map((one) => [describeCase(one), one] as const))('%s', async (_, { row, who, missing }) => {
    const world = await makeWorld(ask, `-${who}`)
    const needs = row.needs(world)
    const granted = needs.filter((_need, index) => index !== missing)
    await grant(ask, who, granted)
    await eventually(async () => expect(await countRules(ask, who)).toBe(granted.length))
    expect(await look(ask, row, who, world)).toEqual(missing === undefined ? row.served : needs[missing]!.refused)
  })

  it.each(rows.map((row) => [`${row.api.name} ${row.what}`.trim(), row] as const))(
    'answers %s without any right as our broker does',
    async (_, row) => {
      const { ask: ours } = await rightsBroker()
      const [world, ourWorld] = await Promise.all([makeWorld(ask, `-${rows.indexOf(row)}`), makeWorld(ours, '')])
      expect(await look(ours, row, 'nobody', ourWorld)).toEqual(await look(ask, row, 'nobody', world))
    },
  )
})

function describeCase({ row, missing }: Case): string {
  const asked = `${row.api.name} ${row.what}`.trim()
  if (missing === undefined) return `${asked}, with its rights`
  const { operation, resource } = row.needs(NAMES)[missing]!
  return `${asked}, without ${operation} on ${resource}`
}

async function countRules(ask: AskAs, who: string): Promise<number> {
  const anything = { resourceTypeFilter: 1, resourceNameFilter: null, patternTypeFilter: 1, hostFilter: null }
  const { resources } = await ask('root', describeAcls, {
    ...anything,
    principalFilter: `User:${who}`,
    operation: 1,
    permissionType: 1,
  })
  return resources.reduce((sum, { acls }) => sum + acls.length, 0)
}
