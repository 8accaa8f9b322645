import { expect, it, onTestFinished } from 'vitest'
import { Connection } from '../../src/client/connection.ts'
import { Datacenters } from '../../src/topology/datacenters.ts'
import { embeddedCluster } from '../broker/embedded-cluster.ts'
import { testPlatform } from '../support/log-content.ts'

const placed = { east: { datacenter: 'virginia' }, west: { datacenter: 'oregon' } }

it('keeps the door of a broker that stops and starts again, and leads to where it listens now', async () => {
  const datacenters = new Datacenters(testPlatform, placed, {})
  onTestFinished(() => datacenters.close())
  const [approach] = datacenters.approachesTo('east', placed.east)
  const dead = { host: '127.0.0.1', port: 1 }
  const way = { nodeId: 1, listener: 'PLAINTEXT', host: '127.0.0.1', isEncrypted: false }
  const address = await approach!.open({ ...way, target: dead })
  const connect = () => Connection.open(testPlatform, { ...address, clientId: 'c' })
  // A door stays open when there is nobody behind it: it closes on who comes.
  await expect(connect()).rejects.toThrow()
  const [host, port] = (await embeddedCluster()).bootstrap.split(':')
  expect(await approach!.open({ ...way, target: { host: host!, port: Number(port) } })).toEqual(address)
  const connection = await connect()
  connection.close()
  expect((await approach!.open({ ...way, nodeId: 2, target: dead })).port).not.toBe(address.port)
})

it('refuses links and names that cannot be', () => {
  const make =
    (links: Record<string, object>, clusters: Record<string, object> = placed) =>
    () =>
      new Datacenters(testPlatform, clusters, links)
  expect(make({ 'virginia<->oergon': {} })).toThrow('there is no datacenter oergon; did you mean oregon?')
  expect(make({ 'virginia-oregon': {} })).toThrow('a link is named a<->b')
  expect(make({ 'virginia<->oregon': {}, 'oregon->virginia': {} })).toThrow('oregon->virginia is said twice')
  expect(make({ 'virginia->oregon': { latencyMs: Number.NaN } })).toThrow("a link's latencyMs must be")
  expect(make({}, { east: { datacenter: 'a b' } })).toThrow('a name is letters')
  expect(make({}, { east: { datacenter: 'Oregon' }, west: { datacenter: 'oregon' } })).toThrow('by more than case')
  expect(make({}, { ...placed, east: { datacenter: 'virginia', via: { virginia: 1 } } })).toThrow('pass no link')
})
