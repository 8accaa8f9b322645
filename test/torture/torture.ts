// Three brokers as three processes with their logs on disk, clients from outside that write and read, and kill -9 and SIGSTOP at times that a
// seed draws. Said before it is run, what would be wrong:
//  - a record that was acknowledged with acks=all, under min.insync.replicas=2, is not there, or not where it was said to be;
//  - one is there twice, changed, out of its producer's order, or was never sent;
//  - of a transaction a part is missing, or one that was aborted, or never asked to commit, is read;
//  - a group has skipped a record, or was handed something that is not at that offset in the end;
//  - a transformation has not given exactly one record for each that it read, in order;
//  - two replicas hold different records at an offset;
//  - a client, a group or a transaction does not go on when the brokers do.
import { setTimeout as delay } from 'node:timers/promises'
import type { ClusterClient } from '../../src/client/cluster-client.ts'
import { metadata } from '../../src/protocol/messages/metadata.ts'
import { eventually } from '../compatibility/gathering.ts'
import type { Command } from '../compatibility/programs/client-program.ts'
import { SeededRandom } from '../fuzz/seeded-random.ts'
import { checkCopy } from '../oracle/copies.ts'
import { checkGroup } from '../oracle/groups.ts'
import { checkAgreement } from '../oracle/growth.ts'
import { type SeenRecord, seenOf } from '../oracle/seen-record.ts'
import { Findings, type Violation } from '../oracle/violation.ts'
import { checkWrites } from '../oracle/writes.ts'
import { BrokerProcesses } from '../support/broker-processes.ts'
import { readCommitted } from '../support/committed-reader.ts'
import { clientOf, makeTopic } from '../support/log-content.ts'
import { checkReplicaLogs } from './replica-logs.ts'
import { type Handed, type Role, Workload } from './workload.ts'
import { wreak } from './wreckage.ts'

/** A client from outside, and how its program for this is started. */
export interface Torturer {
  readonly name: string
  readonly command: Command
  /** Beside records and transactions, which all of them write. */
  readonly roles: readonly ('transform' | 'new-groups')[]
}

export interface TortureOptions {
  readonly seed: string
  /** How long things go wrong. */
  readonly seconds: number
  readonly clients: readonly Torturer[]
  readonly say?: (line: string) => void
  /** Where data and logs of the brokers stay; absent: they go with the run. */
  readonly directory?: string
}

export interface Outcome {
  readonly violations: readonly Violation[]
  readonly kills: number
  readonly freezes: number
  readonly acknowledged: number
  readonly transactions: number
  readonly handed: number
  /** Looked at in the replicas' logs. */
  readonly replicated: number
  readonly troubles: ReadonlyMap<string, number>
}

const partitions = 3
const config = {
  'default.replication.factor': 3,
  'min.insync.replicas': 2,
  'broker.session.timeout.ms': 1500,
  'broker.heartbeat.interval.ms': 300,
  'replica.lag.time.max.ms': 2000,
  'group.min.session.timeout.ms': 1000,
  'transaction.abort.timed.out.transaction.cleanup.interval.ms': 500,
}
/** All are to be in step again by then, and groups at the end of what they read. */
const recoveryMs = 90_000

export async function torture({ seed, seconds, clients, directory, say = () => {} }: TortureOptions): Promise<Outcome> {
  const kept = directory === undefined ? {} : { directory, logLevel: 'debug' }
  const cluster = await BrokerProcesses.start({ config, ...kept })
  const workload = new Workload(say)
  try {
    await makeTopics(cluster, clients)
    for (const { name, command, roles } of clients)
      await workload.start(name, command, cluster.bootstrap, rolesOf(name, roles))
    await workload.areUnderWay(clients.flatMap(({ name, roles }) => rolesOf(name, roles).filter(isHeard)))
    const { kills, freezes, ended } = await wreak(cluster, new SeededRandom(seed), seconds, say)
    say('all brokers run again; writers finish')
    await workload.finish()
    say('readers catch up')
    const violations = await judge(cluster, workload, clients)
    await workload.stop()
    await inSync(cluster)
    await cluster.leave()
    const replicas = checkReplicaLogs(cluster.ids.map((id) => cluster.dataOf(id)))
    return {
      violations: [...violations, ...replicas.violations, ...ended],
      kills,
      freezes,
      acknowledged: workload.acks.records,
      transactions: workload.acks.transactions,
      handed: workload.handed.length,
      replicated: replicas.records,
      troubles: workload.troubles,
    }
  } finally {
    await workload.kill()
    await cluster.stop()
  }
}

/** Topics carry the name of their client. */
const plainTopic = (client: string) => `${client}-records`
const transactionalTopic = (client: string) => `${client}-transactions`
const copyTopic = (client: string) => `${client}-copy`

const COPIERS = '-copiers'

/** Of what a transformation reads nothing is told but by what it writes. */
const isHeard = ({ kind }: Role) => kind !== 'transform'

function rolesOf(client: string, further: Torturer['roles']): Role[] {
  const [plain, transactional] = [plainTopic(client), transactionalTopic(client)]
  const roles: Role[] = [
    { kind: 'produce', name: `${client}-p`, topic: plain, partitions, perSecond: 200 },
    { kind: 'transact', name: `${client}-t`, topic: transactional, partitions, perSecond: 10 },
    { kind: 'consume', name: `${client}-c`, topic: plain, group: `${plain}-readers` },
    { kind: 'consume', name: `${client}-d`, topic: transactional, group: `${transactional}-readers` },
  ]
  if (further.includes('new-groups'))
    roles.push({
      kind: 'consume',
      name: `${client}-n`,
      topic: plain,
      group: `${plain}-new-readers`,
      protocol: 'consumer',
    })
  if (further.includes('transform'))
    roles.push({
      ...{ kind: 'transform', name: `${client}-x`, topic: transactional },
      ...{ group: `${transactional}${COPIERS}`, to: copyTopic(client) },
    })
  return roles
}

async function makeTopics(cluster: BrokerProcesses, clients: readonly Torturer[]): Promise<void> {
  const client = clientOf(cluster.bootstrap)
  try {
    for (const { name } of clients)
      for (const topic of [plainTopic(name), transactionalTopic(name), copyTopic(name)])
        await makeTopic(client, topic, partitions)
  } finally {
    client.close()
  }
}

/** Waits until writers and readers have all there is, then compares it with what they were told. */
async function judge(
  cluster: BrokerProcesses,
  { history, handed, wrongs }: Workload,
  clients: readonly Torturer[],
): Promise<Violation[]> {
  const client = clientOf(cluster.bootstrap)
  try {
    const read = await readLogs(client, clients)
    const written = clients.flatMap(({ name }) => [plainTopic(name), transactionalTopic(name)])
    const logs = written.flatMap((topic) => logsOf(topic).map((log) => ({ log, read: read.get(log)! })))
    const violations = checkWrites(history, logs)
    for (const { name, roles } of clients) {
      if (roles.includes('transform')) violations.push(...(await judgeCopy(client, name, read)))
      for (const { group, topic } of rolesOf(name, roles)) {
        if (group === undefined || group.endsWith(COPIERS)) continue
        violations.push(...(await judgeGroup(group, topic, handed, read)))
      }
    }
    const findings = new Findings('clients')
    for (const wrong of wrongs) findings.add('lost', wrong)
    return [...violations, ...findings.violations()]
  } finally {
    client.close()
  }
}

const logsOf = (topic: string) => Array.from({ length: partitions }, (_, partition) => `${topic}-${partition}`)

type Logs = ReadonlyMap<string, readonly SeenRecord[]>

/** As readers of committed data see them once no transaction is open any more. */
async function readLogs(client: ClusterClient, clients: readonly Torturer[]): Promise<Logs> {
  const logs = new Map<string, readonly SeenRecord[]>()
  for (const { name } of clients)
    for (const topic of [plainTopic(name), transactionalTopic(name)])
      for (const [partition, log] of logsOf(topic).entries()) logs.set(log, await readLog(client, topic, partition))
  return logs
}

function readLog(client: ClusterClient, topic: string, partition: number): Promise<readonly SeenRecord[]> {
  return eventually(async () => {
    await client.refresh()
    const { records, lastStableOffset, highWatermark } = await readCommitted(client, topic, partition)
    if (lastStableOffset !== highWatermark)
      throw new Error(`readers of ${topic}-${partition} are held at ${lastStableOffset} of ${highWatermark}`)
    return seenOf(records)
  }, recoveryMs)
}

async function judgeCopy(client: ClusterClient, name: string, read: Logs): Promise<Violation[]> {
  const violations: Violation[] = []
  const [from, to] = [transactionalTopic(name), copyTopic(name)]
  for (const [partition, log] of logsOf(from).entries()) {
    const original = read.get(log)!
    const copy = await lastOf(
      () => readLog(client, to, partition),
      (seen) => seen.length >= original.length,
    )
    violations.push(...checkCopy({ where: `${to}-${partition}`, original, copy }))
  }
  return violations
}

async function judgeGroup(group: string, topic: string, all: readonly Handed[], read: Logs): Promise<Violation[]> {
  const owed = logsOf(topic).flatMap((log) => read.get(log)!)
  const handed = await lastOf(
    async () => all.filter((one) => one.group === group),
    (seen) => new Set(seen.map(({ id }) => id)).size >= owed.length,
  )
  const violations = checkGroup({
    group,
    handed: handed.map(({ id, offset }) => ({ id, offset, content: id })),
    owed,
    // What it was handed and could not commit comes again.
    redeliveredMax: Number.POSITIVE_INFINITY,
  })
  for (const log of logsOf(topic)) {
    const read1 = read.get(log)!.map(({ offset, id }) => ({ offset, content: id }))
    const read2 = handed.filter((one) => one.log === log).map(({ offset, id }) => ({ offset, content: id }))
    violations.push(...checkAgreement(`${group} in ${log}`, [read1, read2]))
  }
  return violations
}

/** Looks until it is enough, or for long; what was seen last. */
async function lastOf<Value>(look: () => Promise<Value>, isEnough: (seen: Value) => boolean): Promise<Value> {
  const deadline = performance.now() + recoveryMs
  for (;;) {
    const seen = await look()
    if (isEnough(seen) || performance.now() > deadline) return seen
    await delay(200)
  }
}

/** Resolves when every replica is in sync. */
async function inSync(cluster: BrokerProcesses): Promise<void> {
  const client = clientOf(cluster.bootstrap)
  try {
    await eventually(async () => {
      const connection = await client.controller()
      const { topics } = await connection.send(metadata, { topics: null })
      const behind = topics.flatMap(({ name, partitions: all }) =>
        all.filter(({ isrNodes, replicaNodes }) => isrNodes.length < replicaNodes.length).map(() => name),
      )
      if (behind.length > 0) throw new Error(`replicas of ${behind.join(', ')} are not in sync`)
    }, recoveryMs)
  } finally {
    client.close()
  }
}
