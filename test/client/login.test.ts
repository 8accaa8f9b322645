// Every login of our own client against both brokers, under TLS: our client and kafkajs behind the control client.
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { Connection } from '../../src/client/connection.ts'
import { ControlClient } from '../../src/client/control-client.ts'
import type { SaslOptions } from '../../src/client/sasl/sasl.ts'
import { credentialsOf } from '../../src/daemon-credentials.ts'
import type { HeliostatError } from '../../src/platform/errors.ts'
import { nodePlatform } from '../../src/platform/node-platform.ts'
import type { Address } from '../../src/platform/platform.ts'
import { metadata } from '../../src/protocol/messages/metadata.ts'
import { title } from '../compatibility/ground.ts'
import {
  addScramUser,
  BRIEF_MS,
  certificates,
  type SecuredCluster,
  securedGrounds,
  user,
} from '../compatibility/secured-ground.ts'
import { unavailable } from '../support/apache-kafka.ts'
import { makeCertificates } from '../support/certificate.ts'
import { clientOf, makeTopic } from '../support/log-content.ts'
import { grant, TokenIssuer, unsignedToken } from '../support/token-issuer.ts'

const platform = nodePlatform({ log: { level: 'silent' } })
const tls = { ca: certificates.ca }

const logins: SaslOptions[] = [
  { mechanism: 'plain', ...user },
  { mechanism: 'scram-sha-256', ...user },
  { mechanism: 'scram-sha-512', ...user },
  { mechanism: 'oauthbearer', token: async () => unsignedToken() },
]

describe.each(securedGrounds)('logins', (ground) => {
  // SCRAM users are made with Kafka's tool.
  const reason = ground.reason ?? unavailable()
  describe.skipIf(reason)(title(`our client's logins at ${ground.name}`, reason), () => {
    let cluster: SecuredCluster
    let address: Address

    beforeAll(async () => {
      cluster = await ground.start()
      const [host = '', port] = cluster.at('SECURE').split(':')
      address = { host, port: Number(port) }
      await addScramUser(cluster)
      const topics = clientOf(cluster.at('PLAINTEXT'), platform)
      await makeTopic(topics, 'slots', 1)
      topics.close()
    }, 90_000)
    afterAll(() => cluster?.stop())

    it.each(logins)('lets our client in by $mechanism', async (sasl) => {
      const connection = await Connection.open(platform, { ...address, clientId: 'test', tls, sasl })
      const answer = await connection.send(metadata, { topics: null })
      expect(answer.brokers).toEqual([expect.objectContaining(address)])
      connection.close()
    })

    it.each(logins)('lets the control client in by $mechanism', async (sasl) => {
      const client = new ControlClient(platform, { bootstrap: [address], clientId: 'test', tls, sasl })
      const groupId = `let-in-by-${sasl.mechanism}`
      const owned = await new Promise<readonly number[]>((resolve, reject) => {
        const listener = { owned: resolve, lost: reject, joined: () => {}, unsure: reject, failed: reject }
        client.joinGroup({ groupId, topic: 'slots' }, listener).catch(reject)
      })
      expect(owned).toEqual([0])
      await client.close()
    })

    it.each(logins.slice(0, 3))('refuses a wrong password by $mechanism', async (sasl) => {
      const wrong = { ...sasl, password: 'canary' } as SaslOptions
      const error: HeliostatError = await Connection.open(platform, {
        ...address,
        clientId: 'test',
        tls,
        sasl: wrong,
      }).then(
        () => expect.fail('let in'),
        (error) => error,
      )
      expect(error).toMatchObject({ code: 'HEL_AUTHENTICATION', retriable: false })
      expect(error.message).not.toContain('canary')
    })

    it('renews logins before they end, on their connections, with tokens of a token endpoint', {
      // Between a renewal and the end of a login there is a fifth of a second, which a busy machine may miss.
      retry: 2,
      timeout: 30_000,
    }, async () => {
      const issuer = await TokenIssuer.start()
      // Shorter than the broker would let a login hold.
      issuer.answer = () => grant(unsignedToken(3_000))
      const config = {
        bootstrap: [address],
        tls: false,
        sasl: {
          mechanism: 'oauthbearer',
          tokenEndpoint: {
            url: issuer.url,
            clientId: 'mirror',
            clientSecret: 's3cret',
            ca: issuer.ca,
            headerUrlencode: false,
          },
        },
      } as const
      const { sasl } = credentialsOf(platform, 'west', config, () => '')
      const [host = '', port] = cluster.at('BRIEF').split(':')
      const open = (login: SaslOptions | undefined) =>
        Connection.open(platform, { host, port: Number(port), clientId: 'test', sasl: login })
      const connections = await Promise.all([open(sasl), open(logins[0])])
      const until = performance.now() + 3 * BRIEF_MS
      while (performance.now() < until) {
        const answers = connections.flatMap((one) => [1, 2, 3].map(() => one.send(metadata, { topics: [] })))
        for (const { brokers } of await Promise.all(answers)) expect(brokers).toHaveLength(1)
        await new Promise((resolve) => setTimeout(resolve, 50))
      }
      expect(connections.map(({ isOpen }) => isOpen)).toEqual([true, true])
      expect(issuer.asked.length).toBeGreaterThanOrEqual(2)
      for (const connection of connections) connection.close()
      await issuer.stop()
    })

    it('refuses a client that does not trust its certificate', async () => {
      const options = { ...address, clientId: 'test', tls: { ca: makeCertificates().ca }, sasl: logins[0] }
      await expect(Connection.open(platform, options)).rejects.toMatchObject({ code: 'HEL_TLS' })
    })
  })
})
