// The daemon from and to clusters that want a login under TLS, each its own.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, it, onTestFinished } from 'vitest'
import { loadConfig, startDaemon, startTopology } from '../../src/index.ts'
import { buildBatch } from '../../src/records/batch-builder.ts'
import { makeCertificates } from '../support/certificate.ts'
import { expectCopied } from '../support/copied.ts'
import { appendBatch, clientOf, makeTopic, until } from '../support/log-content.ts'

const certificates = makeCertificates()
const PLAIN_MODULE = 'org.apache.kafka.common.security.plain.PlainLoginModule'
const AUTHORIZER = 'org.apache.kafka.metadata.authorizer.StandardAuthorizer'

const listener = {
  // The plain one is for the test itself.
  listeners: 'SECURE://:0,PLAINTEXT://:0',
  'listener.security.protocol.map': 'SECURE:SASL_SSL,PLAINTEXT:PLAINTEXT',
  'ssl.keystore.type': 'PEM',
  'ssl.keystore.certificate.chain': certificates.server.cert,
  'ssl.keystore.key': certificates.server.key,
}

it('mirrors between clusters that want to know who it is', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'heliostat-secured-'))
  onTestFinished(() => rmSync(directory, { recursive: true, force: true }))
  writeFileSync(join(directory, 'ca.pem'), certificates.ca, { mode: 0o600 })
  const topology = await startTopology({
    clusters: {
      east: {
        config: { ...listener, 'sasl.enabled.mechanisms': 'SCRAM-SHA-512', 'connections.max.reauth.ms': 700 },
        addScram: ['SCRAM-SHA-512=[name=mirror,password=from-east]'],
      },
      west: {
        config: {
          ...listener,
          'sasl.enabled.mechanisms': 'PLAIN',
          'connections.max.reauth.ms': 700,
          'listener.name.secure.plain.sasl.jaas.config': `${PLAIN_MODULE} required user_mirror="to-west";`,
          'authorizer.class.name': AUTHORIZER,
          'super.users': 'User:mirror;User:ANONYMOUS',
        },
      },
    },
  })
  onTestFinished(() => topology.stop())
  const [east, west] = [topology.clusters['east']!, topology.clusters['west']!]
  expect(east.bootstrap).toBe(east.listeners['SECURE']!.bootstrap)
  const text = `version: 1
clusters:
  east:
    bootstrap: ["${east.bootstrap}"]
    tls: { ca: { file: ca.pem } }
    sasl: { mechanism: scram-sha-512, username: mirror, password: "\${EAST}" }
  west:
    bootstrap: ["${west.bootstrap}"]
    tls: { ca: { file: ca.pem } }
    sasl: { mechanism: plain, username: mirror, password: "\${WEST}" }
mirrors: [{ from: east, to: west, refresh: 100ms }]
server: { listen: "127.0.0.1:0" }
`
  const config = loadConfig(text, { env: { EAST: 'from-east', WEST: 'to-west' } })
  const [source, target] = [east, west].map((cluster) => clientOf(cluster.listeners['PLAINTEXT']!.bootstrap))
  onTestFinished(() => {
    source!.close()
    target!.close()
  })
  await makeTopic(source!, 'orders', 1)
  const records = ['a', 'b', 'c'].map((value, i) => ({
    timestamp: i,
    key: null,
    value: Buffer.from(value),
    headers: [],
  }))
  await appendBatch(source!, 'orders', 0, buildBatch(records))
  const daemon = await startDaemon(config, { directory })
  onTestFinished(() => daemon.stop())
  const flow = daemon.flows.get('east->west')!
  const ask = () => flow.translate({ topic: 'orders', partition: 0, offset: 3, reverse: false })
  await until(
    () => ask().offset === 3,
    () => JSON.stringify(ask()),
  )
  // Logins hold for 700 ms; our clients dial anew, and nothing is lost or doubled by it.
  for (let round = 1; round <= 20; round++) {
    await appendBatch(source!, 'orders', 0, buildBatch(records))
    await new Promise((resolve) => setTimeout(resolve, 100))
  }
  const all = () => flow.translate({ topic: 'orders', partition: 0, offset: 63, reverse: false })
  await until(
    () => all().offset === 63,
    () => JSON.stringify(all()),
  )
  await expectCopied({ client: source!, topic: 'orders' }, { client: target!, topic: 'east.orders' })
})
