// How long do clients stand still when the process of a leader is killed, and is anything lost? Kafka's Java clients tell, see
// java/Failover.java. The session time-out of brokers is 3 s on both sides; of Kafka the controller's process lives on, of heliostat it is
// killed in a run of its own, too.
//
// "others lead" is the brokers' share: when one that is left tells that nothing is led by the dead one any more. What comes then is the
// clients' own: they ask for metadata again after retry.backoff.ms, twice as long each time up to a second, so at about 0.1, 0.3, 0.7, 1.5,
// 2.5, 3.5 and 4.5 s, each a fifth earlier or later.

import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { javaArguments } from '../test/support/apache-kafka.ts'
import { ExternalProcess } from '../test/support/external-process.ts'
import { clientOf } from '../test/support/log-content.ts'
import { createReplicated } from './rig/broker-run.ts'
import { inTurns, type Question } from './rig/question.ts'
import { type Figures, report } from './rig/report.ts'
import { type ThreeBrokers, threeApacheKafka, threeHeliostat } from './rig/three-brokers.ts'

const partitions = 6
const rate = 1000
const seconds = 25
const beforeKillMs = 8000
const sessions = { 'broker.session.timeout.ms': 3000, 'broker.heartbeat.interval.ms': 500 }

export const failover: Question = {
  name: 'failover',
  asks: "a leader's process is killed under 1,000 records a second, acks=all: how long clients stand still, what is lost",
  run: async (options) => {
    const [kafka, heliostat] = [threeApacheKafka(), threeHeliostat()]
    const contestants = [
      { ...kafka, killsController: false },
      { ...heliostat, killsController: false },
      { ...heliostat, name: `${heliostat.name}, also the controller`, killsController: true },
    ].filter(({ name }) => options.isWanted(name))
    const rows = await inTurns({ ...options, contestants }, async ({ start, killsController }) => {
      const cluster = await start(sessions)
      try {
        await createReplicated(cluster, 'records', partitions)
        return await killedUnderLoad(cluster, killsController)
      } finally {
        await cluster.stop()
      }
    })
    report(`failover: ${rate} records a second to ${partitions} partitions, RF 3, acks=all, sessions of 3 s`, rows)
  },
}

async function killedUnderLoad(cluster: ThreeBrokers, killsController: boolean): Promise<Figures> {
  const source = join(import.meta.dirname, 'java', 'Failover.java')
  const args = [cluster.bootstrap, 'records', partitions, rate, seconds].map(String)
  const clients = new ExternalProcess('java', javaArguments(source, args, ['-Xmx512m', '-XX:+UseG1GC']))
  try {
    await clients.until(({ stdout }) => stdout.includes('writing'), 'the first records')
    await delay(beforeKillMs)
    const controllerId = await cluster.controllerId()
    const leaders = await leadersOf(cluster)
    const victim = killsController ? controllerId : leaders.find((leader) => leader !== controllerId)
    if (victim === undefined || !leaders.includes(victim)) throw new Error(`broker ${victim} leads nothing`)
    clients.write('\n')
    const killedAt = performance.now()
    await cluster.kill(victim)
    const othersLeadMs = await othersLead(cluster, victim, killedAt)
    const { code } = await clients.exited
    if (code !== 0) throw new Error(`the clients ended with ${code}\n${clients.stdout}${clients.stderr}`)
    return { 'others lead ms': othersLeadMs, ...JSON.parse(clients.stdout.trim().split('\n').at(-1)!) }
  } finally {
    await clients.kill()
  }
}

async function othersLead({ bootstrap }: ThreeBrokers, victim: number, killedAt: number): Promise<number> {
  const client = clientOf(bootstrap)
  try {
    for (;;) {
      await client.refresh().catch(() => {})
      const { partitions = [] } = client.topics().get('records') ?? {}
      const isLed = partitions.length > 0 && partitions.every(({ leaderId }) => leaderId >= 0 && leaderId !== victim)
      if (isLed) return performance.now() - killedAt
      await delay(10)
    }
  } finally {
    client.close()
  }
}

async function leadersOf({ bootstrap }: ThreeBrokers): Promise<number[]> {
  const client = clientOf(bootstrap)
  try {
    await client.refresh()
    return client
      .topics()
      .get('records')!
      .partitions.map(({ leaderId }) => leaderId)
  } finally {
    client.close()
  }
}
