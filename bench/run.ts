// npm run bench                  lists the questions
// npm run bench -- NAME…         answers them; `all` for every one
//   --repeats N   runs per contestant (default 3)      --scale X   share of the usual amount of data (default 1)
//   --only TEXT   contestants whose name contains TEXT
import { parseArgs } from 'node:util'
import { ackSinkLocal, ackSinkWan } from './ack-sink.ts'
import { brokerLatency } from './broker-latency.ts'
import { brokerMany } from './broker-many.ts'
import { brokerStart } from './broker-start.ts'
import { brokerThroughput } from './broker-throughput.ts'
import { catchUpLarge, catchUpSmall, catchUpTiny, catchUpZstd } from './catch-up.ts'
import { clusters } from './clusters.ts'
import { crash } from './crash.ts'
import { delivery } from './delivery.ts'
import { failover } from './failover.ts'
import { groups } from './groups.ts'
import { idle } from './idle.ts'
import { instanceKilled } from './instance-killed.ts'
import { latency1000, latency5000 } from './latency.ts'
import { links } from './links.ts'
import { manyTopics } from './many-topics.ts'
import { newTopic } from './new-topic.ts'
import { replication } from './replication.ts'
import { rereads } from './rereads.ts'
import { apacheKafka, heliostatBroker } from './rig/brokers.ts'
import { heliostat } from './rig/heliostat.ts'
import { mm2 } from './rig/mm2.ts'
import type { Question } from './rig/question.ts'
import { workers } from './workers.ts'

const questions: readonly Question[] = [
  catchUpSmall,
  catchUpLarge,
  catchUpZstd,
  catchUpTiny,
  ackSinkLocal,
  ackSinkWan,
  latency1000,
  latency5000,
  idle,
  rereads,
  crash,
  manyTopics,
  newTopic,
  instanceKilled,
  groups,
  delivery,
  workers,
  brokerStart,
  brokerThroughput,
  brokerLatency,
  brokerMany,
  clusters,
  replication,
  failover,
  links,
]

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    repeats: { type: 'string', default: '3' },
    scale: { type: 'string', default: '1' },
    only: { type: 'string', default: '' },
  },
})

const asked = positionals.includes('all') ? questions : questions.filter(({ name }) => positionals.includes(name))
const unknown = positionals.filter((name) => name !== 'all' && !questions.some((question) => question.name === name))
if (unknown.length > 0 || asked.length === 0) {
  for (const name of unknown) process.stderr.write(`no question is named ${name}\n`)
  for (const { name, asks } of questions) process.stdout.write(`${name.padEnd(16)} ${asks}\n`)
  process.exit(unknown.length > 0 ? 2 : 0)
}
// An interrupted run still removes its brokers and their data.
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(1))
const isWanted = (name: string) => name.includes(values.only)
const wanted = ({ name }: { name: string }) => isWanted(name)
const contestants = [mm2('default'), mm2('tuned'), heliostat()].filter(wanted)
const brokers = [apacheKafka(), heliostatBroker()].filter(wanted)
for (const question of asked) {
  process.stderr.write(`${question.name}: ${question.asks}\n`)
  await question.run({ repeats: Number(values.repeats), scale: Number(values.scale), contestants, brokers, isWanted })
}
