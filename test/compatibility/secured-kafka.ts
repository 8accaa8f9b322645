// Apache Kafka with StandardAuthorizer, whose users log in with SASL PLAIN; `root` is its super user.
import { Connection } from '../../src/client/connection.ts'
import { nodePlatform } from '../../src/platform/node-platform.ts'
import { describeAcls } from '../../src/protocol/messages/describe-acls.ts'
import { type AskAs, AUTHORIZER } from '../broker/security/rights-ground.ts'
import { ApacheKafka } from '../support/apache-kafka.ts'

export interface SecuredKafka {
  readonly bootstrap: string
  readonly ask: AskAs
  stop(): Promise<void>
}

const PLAIN_MODULE = 'org.apache.kafka.common.security.plain.PlainLoginModule'

export async function startSecuredKafka(users: readonly string[]): Promise<SecuredKafka> {
  const platform = nodePlatform({ log: { level: 'error' } })
  const entries = ['root', ...users].map((user) => `user_${user}="secret"`).join(' ')
  const kafka = await ApacheKafka.start({
    config: {
      'authorizer.class.name': AUTHORIZER,
      // The broker speaks to the controller without a login; nobody else can come without one.
      'super.users': 'User:root;User:ANONYMOUS',
      'listener.security.protocol.map': 'CONTROLLER:PLAINTEXT,PLAINTEXT:SASL_PLAINTEXT',
      'sasl.enabled.mechanisms': 'PLAIN',
      'sasl.mechanism.inter.broker.protocol': 'PLAIN',
      'listener.name.plaintext.plain.sasl.jaas.config': `${PLAIN_MODULE} required username="root" password="secret" ${entries};`,
    },
  })
  const connections = new Map<string, Promise<Connection>>()
  return {
    bootstrap: kafka.bootstrap,
    ask: async (who, api, request, version) => {
      const open = () => {
        const sasl = { mechanism: 'plain', username: who, password: 'secret' } as const
        return Connection.open(platform, { host: '127.0.0.1', port: kafka.port, clientId: 'test', sasl })
      }
      const connection = connections.get(who) ?? open()
      connections.set(who, connection)
      return (await connection).send(api, request, version === undefined ? {} : { version })
    },
    stop: async () => {
      for (const connection of connections.values()) (await connection).close()
      await kafka.stop()
    },
  }
}

/** How many rules there are, of one user or of all. */
export async function countRules(ask: AskAs, principalFilter: string | null): Promise<number> {
  const anything = { resourceTypeFilter: 1, resourceNameFilter: null, patternTypeFilter: 1, hostFilter: null }
  const asked = { ...anything, principalFilter, operation: 1, permissionType: 1 }
  const { resources } = await ask('root', describeAcls, asked)
  return resources.reduce((sum, { acls }) => sum + acls.length, 0)
}
