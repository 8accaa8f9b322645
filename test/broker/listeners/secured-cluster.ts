// An embedded cluster with one listener of each kind, and our own client at each of them.
import { onTestFinished } from 'vitest'
import type { ClusterOptions } from '../../../src/broker/cluster.ts'
import { Connection, type ConnectionOptions } from '../../../src/client/connection.ts'
import { makeCertificates } from '../../support/certificate.ts'
import { type EmbeddedCluster, embeddedCluster } from '../embedded-cluster.ts'

export const certificates = makeCertificates()
export const PLAIN_MODULE = 'org.apache.kafka.common.security.plain.PlainLoginModule'

export const keystore = {
  'ssl.keystore.type': 'PEM',
  'ssl.keystore.certificate.chain': certificates.server.cert,
  'ssl.keystore.key': certificates.server.key,
  'ssl.truststore.type': 'PEM',
  'ssl.truststore.certificates': certificates.ca,
}

/** A PLAINTEXT, an SSL, a SASL_PLAINTEXT and a SASL_SSL listener, each under its protocol's name; alice and bob may log in by PLAIN. */
export const fourListeners = {
  ...keystore,
  listeners: 'PLAINTEXT://:0,SSL://:0,SASL_PLAINTEXT://:0,SASL_SSL://:0',
  'sasl.enabled.mechanisms': 'PLAIN',
  'listener.name.sasl_plaintext.plain.sasl.jaas.config': `${PLAIN_MODULE} required user_alice="secret" user_bob="hunter2";`,
  'listener.name.sasl_ssl.plain.sasl.jaas.config': `${PLAIN_MODULE} required user_alice="secret";`,
  'connection.failed.authentication.delay.ms': 1,
}

export type Login = Pick<ConnectionOptions, 'tls' | 'sasl'>

export interface SecuredCluster extends EmbeddedCluster {
  /** Where the listener is. */
  at(listener: string): { host: string; port: number; bootstrap: string }
  /** Our own client, through a listener. */
  open(listener: string, login?: Login): Promise<Connection>
}

export async function securedCluster(
  config: Readonly<Record<string, unknown>>,
  options: Partial<ClusterOptions> = {},
): Promise<SecuredCluster> {
  const cluster = await embeddedCluster({ ...options, config })
  const at = (listener: string) => {
    const { bootstrap } = cluster.listeners[listener]!
    const [host = '', port] = bootstrap.split(':')
    return { host, port: Number(port), bootstrap }
  }
  return {
    ...cluster,
    at,
    open: async (listener, login = {}) => {
      const { host, port } = at(listener)
      const connection = await Connection.open(cluster.platform, { host, port, clientId: 'test', ...login })
      onTestFinished(() => connection.close())
      return connection
    },
  }
}
