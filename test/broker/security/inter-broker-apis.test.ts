import { expect, it } from 'vitest'
import { metadata } from '../../../src/protocol/messages/metadata.ts'
import { embeddedCluster } from '../embedded-cluster.ts'
import { rawConnection } from '../raw-connection.ts'
import { INTER_BROKER_APIS, interBrokerFrame } from './inter-broker-apis.ts'

it.each(Object.entries(INTER_BROKER_APIS))(
  'closes on a client that sends %s, and serves the others',
  async (_, apiKey) => {
    const cluster = await embeddedCluster()
    const bystander = await cluster.connect()
    const raw = await rawConnection(cluster)
    raw.socket.write(interBrokerFrame(apiKey))
    await raw.closed
    expect(cluster.logged.filter(({ level }) => level === 'warn' || level === 'error')).toHaveLength(1)
    expect((await bystander.send(metadata, { topics: null })).topics).toEqual([])
  },
)
