// Whether a copy has the configs of its source: those that are set for the topic itself, by name.
import { Findings, type Violation } from './violation.ts'

export type OwnConfigs = Readonly<Record<string, string | null>>

export interface ConfigsOfCopy {
  readonly where: string
  readonly source: OwnConfigs
  readonly copy: OwnConfigs
  /** What people have set at the copy, of what is its own. */
  readonly byHand?: OwnConfigs
  /** Absent: as MirrorMaker does. */
  readonly isOfTheCopy?: (name: string) => boolean
}

/** What Kafka's DefaultConfigPropertyFilter leaves out, and tiered storage. */
const OF_EACH_CLUSTER =
  /^(follower\.replication\.throttled\.replicas|leader\.replication\.throttled\.replicas|message\.timestamp\.difference\.max\.ms|message\.timestamp\.type|unclean\.leader\.election\.enable|min\.insync\.replicas|(remote|local)\..*)$/

export function checkConfigs(checked: ConfigsOfCopy): Violation[] {
  const { where, source, copy, byHand = {}, isOfTheCopy = (name) => OF_EACH_CLUSTER.test(name) } = checked
  const findings = new Findings(where)
  for (const name of new Set([...Object.keys(source), ...Object.keys(copy), ...Object.keys(byHand)])) {
    const owed = (isOfTheCopy(name) ? byHand : source)[name]
    if (copy[name] !== owed) findings.add('config-drift', `${name} is ${copy[name]}, and should be ${owed}`)
  }
  return findings.violations()
}
