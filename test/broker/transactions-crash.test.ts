// The broker dies after any write to any log, and comes back: a transaction whose commit was decided is committed in every partition and
// in the group's offsets, every other one in none; whoever was told of a commit was told the truth.
import { expect, it, onTestFinished } from 'vitest'
import { type Cluster, startCluster } from '../../src/broker/cluster.ts'
import { Connection } from '../../src/client/connection.ts'
import { memoryDisk } from '../../src/platform/memory-disk.ts'
import { nodePlatform } from '../../src/platform/node-platform.ts'
import type { Disk, Platform } from '../../src/platform/platform.ts'
import { fetch } from '../../src/protocol/messages/fetch.ts'
import { findCoordinator } from '../../src/protocol/messages/find-coordinator.ts'
import { offsetFetch } from '../../src/protocol/messages/offset-fetch.ts'
import { splitBatches } from '../../src/records/record-batch.ts'
import { AbortedFilter } from '../../src/source/aborted-filter.ts'
import { eventually } from '../compatibility/gathering.ts'
import { fetchOf, makeTopic } from './requests.ts'
import { TransactionalProducer } from './transactional-producer.ts'

const DATA = '/data'
const TOPICS = ['t', 'u']
/** Which of the scenario's transactions end with a commit. */
const COMMITTED = [1, 3]

interface Moment {
  readonly disk: Disk
  /** Transactions of whose commit the producer has heard by then. */
  readonly told: readonly number[]
}

function copyOf(disk: Disk): Disk {
  const copy = memoryDisk()
  const walk = (path: string) => {
    copy.makeDirectory(path)
    for (const name of disk.list(path)) {
      const at = `${path}/${name}`
      try {
        disk.list(at)
        walk(at)
      } catch {
        copy.replace(at, disk.read(at))
      }
    }
  }
  walk(DATA)
  return copy
}

/** Calls back after each write to a log. */
function watched(disk: Disk, onWrite: () => void): Disk {
  return {
    ...bound(disk),
    open: (path, options) => {
      const file = disk.open(path, options)
      if (!path.endsWith('.log')) return file
      return {
        size: () => file.size(),
        read: (into, position) => file.read(into, position),
        write: (buffers, position) => {
          file.write(buffers, position)
          onWrite()
        },
        truncate: (size) => file.truncate(size),
        sync: () => file.sync(),
        close: () => file.close(),
      }
    },
  }
}

function bound(disk: Disk): Omit<Disk, 'open'> {
  return {
    read: (path) => disk.read(path),
    replace: (path, content) => disk.replace(path, content),
    put: (path, content) => disk.put(path, content),
    exists: (path) => disk.exists(path),
    list: (path) => disk.list(path),
    makeDirectory: (path) => disk.makeDirectory(path),
    rename: (from, to) => disk.rename(from, to),
    remove: (path) => disk.remove(path),
    lock: (path) => disk.lock(path),
  }
}

async function started(disk: Disk): Promise<{ cluster: Cluster; connection: Connection }> {
  const platform: Platform = { ...nodePlatform({ log: { level: 'error' } }), disk }
  const cluster = await startCluster(platform, { name: 'mortal', data: DATA })
  const [host, port] = cluster.bootstrap.split(':')
  const connection = await Connection.open(platform, { host: host!, port: Number(port), clientId: 'test' })
  onTestFinished(async () => {
    connection.close()
    await cluster.stop()
  })
  return { cluster, connection }
}

/** Four transactions of one producer, the last of them left open; every moment at which the broker might have died. */
async function moments(): Promise<Moment[]> {
  const seen: Moment[] = []
  const told: number[] = []
  const disk = memoryDisk()
  disk.makeDirectory(DATA)
  let isWatched = false
  const { connection } = await started(
    watched(disk, () => {
      if (isWatched) seen.push({ disk: copyOf(disk), told: [...told] })
    }),
  )
  for (const topic of TOPICS) await makeTopic(connection, topic, { partitions: 2 })
  await connection.send(findCoordinator, { coordinatorKeys: ['g'] })
  const producer = await TransactionalProducer.begin(connection, 'tx')
  isWatched = true
  for (const number of [1, 2, 3, 4]) {
    const isOldClient = number === 3
    await transact(producer, number, isOldClient)
    if (number === 4) break
    const { errorCode } = await producer.end(COMMITTED.includes(number), isOldClient ? 4 : 5)
    if (errorCode !== 0) throw new Error(`the end of transaction ${number} is answered with ${errorCode}`)
    if (COMMITTED.includes(number)) told.push(number)
  }
  isWatched = false
  return seen
}

/** Writes the number to both topics and to the group, adding partitions as newer or older clients do. */
async function transact(producer: TransactionalProducer, number: number, isOldClient: boolean): Promise<void> {
  const must = (errorCode: number) => {
    if (errorCode !== 0) throw new Error(`transaction ${number}: ${errorCode}`)
  }
  for (const topic of TOPICS) {
    const partition = number % 2
    if (isOldClient) await eventually(async () => must((await producer.add(topic, [partition]))[0]!))
    const options = { partition, version: isOldClient ? 9 : 12 }
    await eventually(async () => must((await producer.produce(topic, [`${number}`], options)).errorCode))
  }
  if (isOldClient) must(await producer.addOffsets('g'))
  must(await producer.commitOffset('g', 't', number, { version: isOldClient ? 3 : 5 }))
}

/** Numbers that a reader of committed data finds in the topic. */
async function committedIn(connection: Connection, topic: string): Promise<number[]> {
  const numbers: number[] = []
  for (const partition of [0, 1]) {
    for (let offset = 0; ; ) {
      const shape = { isolationLevel: 1, offset, partition }
      const answer = await connection.send(fetch, fetchOf(topic, shape), { version: 12 })
      const found = answer.responses[0]!.partitions[0]!
      expect(found.lastStableOffset, `${topic}-${partition} is stable`).toBe(found.highWatermark)
      const { batches } = splitBatches(Buffer.concat(found.records ?? []))
      const filter = new AbortedFilter(found.abortedTransactions)
      for (const batch of batches) {
        if (filter.verdict(batch) === 'keep') numbers.push(...batch.records().map(({ value }) => Number(value)))
      }
      if (batches.length === 0) break
      offset = batches.at(-1)!.nextOffset
    }
  }
  return numbers.sort()
}

async function committedOffset(connection: Connection): Promise<number> {
  const groups = [{ groupId: 'g', topics: [{ name: 't', partitionIndexes: [0] }] }]
  const answer = await connection.send(offsetFetch, { groups, requireStable: true }, { version: 8 })
  const { committedOffset, errorCode } = answer.groups[0]!.topics[0]!.partitions[0]!
  expect(errorCode).toBe(0)
  return committedOffset
}

it('commits everywhere or nowhere, whenever the broker dies', { timeout: 120_000 }, async () => {
  const all = await moments()
  expect(all.length).toBeGreaterThan(35)
  const outcomes = new Set<string>()
  for (const [index, { disk, told }] of all.entries()) {
    const { cluster, connection } = await started(disk)
    // A new producer ends what the old one left open, once what was decided is done.
    const producer = new TransactionalProducer(connection, 'tx')
    await eventually(async () => expect((await producer.init()).errorCode).toBe(0))
    const [inT, inU] = await Promise.all(TOPICS.map((topic) => committedIn(connection, topic)))
    expect(inU, `after write ${index}`).toEqual(inT)
    expect(await committedOffset(connection), `after write ${index}`).toBe(inT!.at(-1) ?? -1)
    expect(COMMITTED, `after write ${index}`).toEqual(expect.arrayContaining(inT!))
    expect(inT, `after write ${index}`).toEqual(expect.arrayContaining([...told]))
    // And it can go on.
    await transact(producer, 9, false)
    expect((await producer.end(true)).errorCode).toBe(0)
    await eventually(async () => expect(await committedIn(connection, 't')).toEqual([...inT!, 9]))
    outcomes.add(inT!.join())
    connection.close()
    await cluster.stop()
  }
  expect([...outcomes].sort()).toEqual(['', '1', '1,3'])
})
