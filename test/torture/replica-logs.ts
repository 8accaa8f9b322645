// The logs of several replicas as they lie on their disks once nobody writes to them any more: what is at an offset is the same in each.
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { splitBatches } from '../../src/records/record-batch.ts'
import { checkAgreement } from '../oracle/growth.ts'
import { contentOf } from '../oracle/seen-record.ts'
import { Findings, type Violation } from '../oracle/violation.ts'

/** Where the compaction of each replica takes its own course, and snapshots take the place of what is old. */
const shortened = /^__/

/** `directories`: of the brokers' data. Every partition that one of them holds is looked at, those of the cluster itself too. */
export function checkReplicaLogs(directories: readonly string[]): { violations: Violation[]; records: number } {
  const names = new Set(directories.flatMap(partitionsIn))
  const violations: Violation[] = []
  let records = 0
  for (const name of names) {
    const replicas = directories.filter((directory) => existsSync(join(directory, name)))
    const readings = replicas.map((directory) => readLog(join(directory, name)))
    records += Math.max(...readings.map(({ length }) => length))
    violations.push(...checkAgreement(`the replicas of ${name}`, readings))
    if (shortened.test(name)) continue
    const findings = new Findings(`the replicas of ${name}`)
    const ends = readings.map((reading) => reading.at(-1)?.offset ?? -1)
    const counts = readings.map(({ length }) => length)
    if (new Set([...ends.map(String)]).size > 1 || new Set(counts).size > 1)
      findings.add('unseen', `they end at ${ends.join(', ')} with ${counts.join(', ')} records`)
    violations.push(...findings.violations())
  }
  return { violations, records }
}

function partitionsIn(directory: string): string[] {
  return readdirSync(directory).filter((name) => /-\d+$/.test(name))
}

/** Records and control records alike, with the epoch in which they were written. */
function readLog(directory: string): { offset: number; content: string }[] {
  const segments = readdirSync(directory).filter((name) => name.endsWith('.log'))
  return segments.sort().flatMap((name) => {
    const { batches } = splitBatches(readFileSync(join(directory, name)))
    return batches.flatMap((batch) => {
      const epoch = `${batch.partitionLeaderEpoch} ${batch.producerId} ${batch.isControl}`
      return batch.records().map((record) => ({ offset: record.offset, content: `${epoch} ${contentOf(record)}` }))
    })
  })
}
