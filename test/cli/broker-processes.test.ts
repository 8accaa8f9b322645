// `heliostat broker --node`: the brokers of one cluster, each a process of its own.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Kafka, logLevel } from 'kafkajs'
import { expect, it, onTestFinished } from 'vitest'
import { freePorts, heliostatMain as main } from '../support/broker-processes.ts'
import { ExternalProcess, runExternal } from '../support/external-process.ts'

async function topologyFile(cluster: string): Promise<{ file: string; port: number }> {
  const folder = mkdtempSync(join(tmpdir(), 'processes-'))
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
  const port = await freePorts(3)
  const file = join(folder, 'topology.yaml')
  writeFileSync(file, `version: 1\nclusters:\n  east: { brokers: 3, port: ${port}, ${cluster} }\n`)
  return { file, port }
}

function nodeProcess(file: string, id: number): ExternalProcess {
  const args = ['broker', file, '--node', `east/${id}`, '--control', '0', '--log-level', 'error']
  return new ExternalProcess(process.execPath, [main, ...args])
}

it('goes on when one of three processes is killed, and lets the others end in order', async () => {
  const config = 'config: { broker.session.timeout.ms: 1500, broker.heartbeat.interval.ms: 300 }'
  const { file, port } = await topologyFile(config)
  const nodes = [1, 2, 3].map((id) => nodeProcess(file, id))
  onTestFinished(async () => void (await Promise.all(nodes.map((node) => node.kill('SIGKILL')))))
  await Promise.all(nodes.map((node) => node.until(({ stdout }) => stdout.includes('\n'), 'a ready line')))
  const told = nodes.map((node) => JSON.parse(node.stdout).clusters.east)
  expect(told.map(({ nodes }) => nodes)).toEqual([1, 2, 3].map((id) => ({ [id]: `127.0.0.1:${port + id - 1}` })))
  expect(new Set(told.map(({ clusterId }) => clusterId)).size).toBe(1)

  const brokers = told.map(({ bootstrap }) => bootstrap)
  const kafka = new Kafka({ brokers, logLevel: logLevel.NOTHING, retry: { initialRetryTime: 50, maxRetryTime: 300 } })
  const admin = kafka.admin()
  await admin.connect()
  await admin.createTopics({ topics: [{ topic: 't', numPartitions: 3, replicationFactor: 3 }] })
  const send = async (value: string) => {
    const producer = kafka.producer({ retry: { retries: 20 } })
    await producer.connect()
    for (const partition of [0, 1, 2]) await producer.send({ topic: 't', messages: [{ partition, value }] })
    await producer.disconnect()
  }
  await send('before')
  await nodes[0]!.kill('SIGKILL')
  await expect
    .poll(
      async () => (await admin.fetchTopicMetadata({ topics: ['t'] })).topics[0]!.partitions.map(({ leader }) => leader),
      { timeout: 15_000 },
    )
    .not.toContain(1)
  await send('after')
  const offsets = await admin.fetchTopicOffsets('t')
  expect(offsets.map(({ high }) => high)).toEqual(['2', '2', '2'])
  await admin.disconnect()
  // One after the other: the first hands over to the last.
  expect(await nodes[1]!.kill('SIGTERM')).toEqual({ code: 0, signal: null })
  expect(await nodes[2]!.kill('SIGTERM')).toEqual({ code: 0, signal: null })
}, 60_000)

it('says what a process of its own needs', async () => {
  const { file } = await topologyFile(
    'config: { authorizer.class.name: org.apache.kafka.metadata.authorizer.StandardAuthorizer }',
  )
  const run = (node: string) => runExternal(process.execPath, [main, 'broker', file, '--node', node])
  const answers = await Promise.all(['east/1', 'east/4', 'west/1'].map(run))
  expect(answers.map(({ code }) => code)).toEqual([78, 78, 78])
  expect(answers[0]!.stderr).toContain('need the same secret')
  expect(answers[1]!.stderr).toContain('there is no node 4; its nodes are 1 to 3')
  expect(answers[2]!.stderr).toContain('the clusters are east')
})
