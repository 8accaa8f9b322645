// Every login of our own client against both brokers, under TLS: our client and kafkajs behind the control client.
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { Connection } from '../../src/client/connection.ts'
import { ControlClient } from '../../src/client/control-client.ts'
import type { SaslOptions } from '../../src/client/sasl/sasl.ts'
import type { HeliostatError } from '../../src/platform/errors.ts'
import { nodePlatform } from '../../src/platform/node-platform.ts'
import type { Address } from '../../src/platform/platform.ts'
import { metadata } from '../../src/protocol/messages/metadata.ts'
import { title } from '../compatibility/ground.ts'
import {
  addScramUser,
  certificates,
  type SecuredCluster,
  securedGrounds,
  unsignedToken,
  user,
} from '../compatibility/secured-ground.ts'
import { unavailable } from '../support/apache-kafka.ts'
import { makeCertificates } from '../support/certificate.ts'
import { clientOf, makeTopic } from '../support/log-content.ts'

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

    it('refuses a client that does not trust its certificate', async () => {
      const options = { ...address, clientId: 'test', tls: { ca: makeCertificates().ca }, sasl: logins[0] }
      await expect(Connection.open(platform, options)).rejects.toMatchObject({ code: 'HEL_TLS' })
    })
  })
})
