// What a flow keeps in step beside its records, between embedded clusters: configs, access rules, deletes, replicas. The daemon runs
// as people run it, and is asked over HTTP what could not be had.
import '../support/least-rights.ts'
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest'
import { type Cluster, startCluster } from '../../src/broker/cluster.ts'
import type { Acl } from '../../src/client/acls.ts'
import { makeAcls, readAcls, removeAcls } from '../../src/client/acls.ts'
import type { ClusterClient } from '../../src/client/cluster-client.ts'
import { loadConfig } from '../../src/config/config.ts'
import { type Daemon, startDaemon } from '../../src/daemon.ts'
import { deleteTopics } from '../../src/protocol/messages/delete-topics.ts'
import { describeConfigs } from '../../src/protocol/messages/describe-configs.ts'
import { incrementalAlterConfigs } from '../../src/protocol/messages/incremental-alter-configs.ts'
import { ZERO_UUID } from '../../src/protocol/schema.ts'
import type { SyncView } from '../../src/server/flow-view.ts'
import { batchOf } from '../broker/requests.ts'
import { AUTHORIZER } from '../broker/security/rights-ground.ts'
import { eventually } from '../compatibility/gathering.ts'
import { checkAccess } from '../oracle/access.ts'
import { checkConfigs } from '../oracle/configs.ts'
import { appendBatch, clientOf, endOffset, makeTopic, testPlatform } from '../support/log-content.ts'

let source: Cluster
let target: Cluster
let east: ClusterClient
let west: ClusterClient

beforeAll(async () => {
  const config = { 'authorizer.class.name': AUTHORIZER, 'super.users': 'User:ANONYMOUS' }
  ;[source, target] = (await Promise.all(
    ['east', 'west'].map((name) => startCluster(testPlatform, { name, config })),
  )) as [Cluster, Cluster]
  east = clientOf(source.bootstrap)
  west = clientOf(target.bootstrap)
  await Promise.all([east.refresh(), west.refresh()])
})

afterAll(async () => {
  east.close()
  west.close()
  await Promise.all([source.stop(), target.stop()])
})

/** A daemon for one topic; flows of other cases do not meet it. */
async function mirrored(alias: string, options: string): Promise<Daemon> {
  const yaml = `
version: 1
clusters:
  ${alias}: { bootstrap: ["${source.bootstrap}"] }
  west: { bootstrap: ["${target.bootstrap}"] }
mirrors: [{ from: ${alias}, to: west, topics: { include: ["${alias}-.*"] }, refresh: 50ms, ${options} }]
server: { listen: 127.0.0.1:0 }
`
  const { config } = loadConfig(yaml, 'test.yaml', {})
  const daemon = await startDaemon(testPlatform, config, { version: 'test', directory: '.' })
  onTestFinished(() => daemon.stop())
  return daemon
}

async function syncOf(daemon: Daemon): Promise<SyncView> {
  const flow = encodeURIComponent([...daemon.flows.keys()][0]!)
  return (await (await fetch(`${daemon.url}/api/v1/flows/${flow}/sync`)).json()) as SyncView
}

async function setConfig(client: ClusterClient, topic: string, name: string, value: string | null): Promise<void> {
  const configs = [{ name, configOperation: value === null ? 1 : 0, value }]
  const resources = [{ resourceType: 2, resourceName: topic, configs }]
  const { responses } = await client.send(incrementalAlterConfigs, { resources, validateOnly: false })
  expect(responses[0]!.errorCode).toBe(0)
}

/** What is set for the topic itself. */
async function ownConfigs(client: ClusterClient, topic: string): Promise<Record<string, string | null>> {
  const resources = [{ resourceType: 2, resourceName: topic, configurationKeys: null }]
  const { results } = await client.send(describeConfigs, { resources })
  const own = results[0]!.configs.filter(({ configSource }) => configSource === 1)
  return Object.fromEntries(own.map(({ name, value }) => [name, value]))
}

const flows = async (topic: string) =>
  eventually(async () =>
    expect(await endOffset(west, topic, 0)).toBe(await endOffset(east, topic.slice(topic.indexOf('.') + 1), 0)),
  )

test('configs follow their source, to and fro, but for those that are left alone', async () => {
  await makeTopic(east, 'conf-a', 1, { 'retention.ms': '1111111' })
  await mirrored('conf', 'sync: { topicConfigs: { every: 100ms } }')
  await eventually(async () => expect(await ownConfigs(west, 'conf.conf-a')).toEqual({ 'retention.ms': '1111111' }))
  await setConfig(east, 'conf-a', 'retention.ms', '2222222')
  await setConfig(east, 'conf-a', 'cleanup.policy', 'compact')
  await setConfig(east, 'conf-a', 'min.insync.replicas', '2')
  await setConfig(west, 'conf.conf-a', 'segment.bytes', '1048576')
  const expected = { 'retention.ms': '2222222', 'cleanup.policy': 'compact' }
  await eventually(async () => expect(await ownConfigs(west, 'conf.conf-a')).toEqual(expected))
  await setConfig(east, 'conf-a', 'cleanup.policy', null)
  await eventually(async () => expect(await ownConfigs(west, 'conf.conf-a')).toEqual({ 'retention.ms': '2222222' }))
  const [inForce, copy] = [await ownConfigs(east, 'conf-a'), await ownConfigs(west, 'conf.conf-a')]
  expect(checkConfigs({ where: 'conf.conf-a', source: inForce, copy })).toEqual([])
})

test('a config that the target refuses is listed, and the data flows', async () => {
  const refusals = ['CreateTopics', 'IncrementalAlterConfigs'].map((api) =>
    target.faults.add({
      api,
      topic: 'no\\.no-.*',
      error: 'INVALID_CONFIG',
      times: api === 'CreateTopics' ? 1 : undefined,
    }),
  )
  onTestFinished(() => refusals.forEach((fault) => void fault.remove()))
  await makeTopic(east, 'no-a', 1, { 'retention.ms': '1111111' })
  await appendBatch(east, 'no-a', 0, batchOf(['a', 'b']))
  const daemon = await mirrored('no', 'sync: { topicConfigs: { every: 100ms } }')
  await flows('no.no-a')
  const refused = {
    topic: 'no.no-a',
    name: 'retention.ms',
    value: '1111111',
    reason: expect.stringMatching('INVALID_CONFIG'),
  }
  await eventually(async () => expect((await syncOf(daemon)).refusedConfigs).toEqual([refused]))
  const drift = /heliostat_topic_drift\{flow="no->west",kind="config"\} 1/
  expect(await (await fetch(`${daemon.url}/metrics`)).text()).toMatch(drift)
  for (const fault of refusals) fault.remove()
  await eventually(async () => expect((await syncOf(daemon)).refusedConfigs).toEqual([]))
  expect(await ownConfigs(west, 'no.no-a')).toEqual({ 'retention.ms': '1111111' })
})

test('a target with too few brokers keeps as many replicas as it can, and that is named', async () => {
  await makeTopic(east, 'thin-a', 1)
  const daemon = await mirrored('thin', 'replicationFactor: 3')
  await eventually(async () =>
    expect((await syncOf(daemon)).fewerReplicas).toEqual([{ topic: 'thin.thin-a', wanted: 3, given: 1 }]),
  )
  await appendBatch(east, 'thin-a', 0, batchOf(['a']))
  await flows('thin.thin-a')
})

const rule = (over: Partial<Acl>): Acl => ({
  resourceType: 2,
  resourceName: 'acl-a',
  patternType: 3,
  principal: 'User:bob',
  host: '*',
  operation: 3,
  permissionType: 3,
  ...over,
})

async function rulesOf(client: ClusterClient): Promise<Acl[]> {
  return [...(await readAcls(client, 2))!, ...(await readAcls(client, 3))!]
}

async function rulesOfBob(): Promise<string[]> {
  const rules = await rulesOf(west)
  return rules
    .filter(({ principal }) => principal === 'User:bob')
    .map(({ resourceName, patternType, operation, permissionType }) =>
      [permissionType === 3 ? 'allow' : 'deny', operation, patternType === 4 ? `${resourceName}*` : resourceName].join(
        ' ',
      ),
    )
    .toSorted()
}

test('access rules follow their source, and only those made here are removed', async () => {
  await makeTopic(east, 'acl-a', 1)
  const everything = rule({ operation: 2 })
  const prefixed = rule({ resourceName: 'acl-', patternType: 4, operation: 8 })
  const group = rule({ resourceType: 3, resourceName: 'bobs', operation: 3 })
  await makeAcls(east, [everything, prefixed, group, rule({ operation: 4 }), rule({ operation: 6, permissionType: 2 })])
  const another = rule({ resourceName: 'acl-', patternType: 4, operation: 3, principal: 'User:eve' })
  await makeAcls(east, [another])
  const byHand = rule({ resourceName: 'acl.acl-a', operation: 10 })
  const alsoByHand = rule({ resourceName: 'acl.acl-', patternType: 4, operation: 8 })
  await makeAcls(west, [byHand, alsoByHand])
  const first = await mirrored('acl', 'sync: { acls: { every: 100ms } }')
  const all = ['allow 10 acl.acl-a', 'allow 3 acl.acl-a', 'allow 3 bobs', 'allow 8 acl.acl-*', 'deny 6 acl.acl-a']
  await eventually(async () => expect(await rulesOfBob()).toEqual(all))
  const [there, here] = await Promise.all([east, west].map(rulesOf))
  const resources = [
    { resourceType: 2, name: 'acl.acl-a', source: 'acl-a' },
    { resourceType: 2, name: 'acl-a' },
    { resourceType: 3, name: 'bobs', source: 'bobs' },
  ]
  // The mirror's own rights were given to it.
  const own = here!.filter(({ principal }) => principal.startsWith('User:mirror-'))
  const given = [byHand, alsoByHand, ...own]
  expect(checkAccess({ where: 'acl', source: [there!], target: here!, byHand: given, resources })).toEqual([])
  await removeAcls(east, [everything, prefixed])
  const left = ['allow 10 acl.acl-a', 'allow 3 bobs', 'allow 8 acl.acl-*', 'deny 6 acl.acl-a']
  await eventually(async () => expect(await rulesOfBob()).toEqual(left))
  // Who made what is known after a restart, too.
  await first.stop()
  await removeAcls(east, [group])
  const second = await mirrored('acl', 'sync: { acls: { every: 1h } }')
  await eventually(async () => expect(await rulesOfBob()).toEqual(left.filter((text) => !text.endsWith('bobs'))))
  // The first pass knows all topics already: what follows from those is not taken back for a while.
  const job = () => [...second.flows.values()][0]!.jobs().find(({ name }) => name.endsWith('/acls'))!
  await eventually(async () => expect(job().runs).toBe(1))
  // Those of others are carried, too: how many there are depends on who else was here.
  expect(job().lastMessage).toMatch(/^\d+ rules made, \d+ removed, 0 refused$/)
})

async function remove(client: ClusterClient, topic: string): Promise<void> {
  const request = { topics: [{ name: topic, topicId: ZERO_UUID }], topicNames: [topic], timeoutMs: 5_000 }
  expect((await (await client.controller()).send(deleteTopics, request)).responses[0]!.errorCode).toBe(0)
  await client.refresh()
}

async function hasCopy(topic: string): Promise<boolean> {
  await west.refresh()
  return west.topics().has(topic)
}

test('a deleted topic takes its copy with it after the delay, and begins anew when it is made anew', async () => {
  for (const topic of ['del-a', 'del-b']) {
    await makeTopic(east, topic, 1)
    await appendBatch(east, topic, 0, batchOf(['old', 'older']))
  }
  const daemon = await mirrored('del', 'sync: { deletes: { after: 400ms } }')
  await Promise.all([flows('del.del-a'), flows('del.del-b')])
  await remove(east, 'del-a')
  await eventually(async () =>
    expect((await syncOf(daemon)).pendingDeletes).toMatchObject([{ topic: 'del-a', remoteTopic: 'del.del-a' }]),
  )
  expect(await hasCopy('del.del-a')).toBe(true)
  await eventually(async () => expect(await hasCopy('del.del-a')).toBe(false))
  expect(await hasCopy('del.del-b')).toBe(true)
  await eventually(async () => expect((await syncOf(daemon)).pendingDeletes).toEqual([]))
  await makeTopic(east, 'del-a', 1)
  await appendBatch(east, 'del-a', 0, batchOf(['new']))
  await eventually(async () => expect(await endOffset(west, 'del.del-a', 0)).toBe(1))
})

test('a topic that is made anew within the delay, one that may not be seen, and a copy that is another topic now stay', async () => {
  for (const topic of ['keep-again', 'keep-hidden', 'keep-other']) {
    await makeTopic(east, topic, 1)
    await appendBatch(east, topic, 0, batchOf(['a']))
  }
  const daemon = await mirrored('keep', 'sync: { deletes: { after: 300ms } }')
  for (const topic of ['again', 'hidden', 'other']) await flows(`keep.keep-${topic}`)
  // A topic that may not be described is left out of the list of all topics, and refused by name.
  const hidden = source.faults.add({ api: 'Metadata', topic: 'keep-hidden', error: 'TOPIC_AUTHORIZATION_FAILED' })
  onTestFinished(() => void hidden.remove())
  await remove(east, 'keep-again')
  await makeTopic(east, 'keep-again', 1)
  await remove(west, 'keep.keep-other')
  await makeTopic(west, 'keep.keep-other', 1)
  await remove(east, 'keep-other')
  const flow = daemon.flows.get('keep->west')!
  await eventually(async () => expect(flow.sync().pendingDeletes.map(({ topic }) => topic)).toContain('keep-other'))
  await eventually(async () => expect(flow.sync().pendingDeletes.map(({ topic }) => topic)).not.toContain('keep-other'))
  await eventually(async () => expect(flow.sync().pendingDeletes).toEqual([]))
  for (const topic of ['again', 'hidden', 'other'])
    expect([topic, await hasCopy(`keep.keep-${topic}`)]).toEqual([topic, true])
})
