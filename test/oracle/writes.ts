// Whether a log keeps what its cluster has said about it: checks the sends of a history against what a reader of committed data
// finds in the end.
import type { History, Send, Transaction } from './history.ts'
import { keyOf, type SeenRecord } from './seen-record.ts'
import { Findings, type Violation } from './violation.ts'

export interface WrittenLog {
  readonly log: string
  /** All of it, in order. */
  readonly read: readonly SeenRecord[]
  /** What lies below may have been deleted by rule. */
  readonly startOffset?: number
  /** Of each key only the last record is owed. */
  readonly isCompacted?: boolean
}

/** The logs that transactions of one cluster may span, all of them. */
export function checkWrites(history: History, logs: readonly WrittenLog[]): Violation[] {
  const seenBy = new Map<Transaction, { seen: number; missing: number; where: string }>()
  const violations = logs.flatMap((log) => checkLog(history, log, seenBy))
  const torn = new Findings('transactions')
  for (const [{ name, fate }, { seen, missing, where }] of seenBy)
    if (fate !== 'aborted' && fate !== 'open' && seen > 0 && missing > 0)
      torn.add('torn', `${name}: ${missing} of ${seen + missing} records are missing, in ${where}`)
  return [...violations, ...torn.violations()]
}

function checkLog(
  history: History,
  { log, read, startOffset = 0, isCompacted = false }: WrittenLog,
  seenBy: Map<Transaction, { seen: number; missing: number; where: string }>,
): Violation[] {
  const findings = new Findings(log)
  const sends = new Map<string, Send>()
  for (const send of history.sendsTo(log)) sends.set(send.id, send)
  const found = new Map<string, SeenRecord>()
  for (const record of read) {
    const at = `${record.id.slice(0, 60)} at offset ${record.offset}`
    const send = sends.get(record.id)
    const first = found.get(record.id)
    if (!send) findings.add('phantom', at)
    else if (send.fate === 'fail') findings.add('phantom', `${at}, whose send was refused`)
    else if (first) findings.add('duplicate', `${at}, first at ${first.offset}`)
    if (!first) found.set(record.id, record)
    if (!send) continue
    if (send.content !== record.content) findings.add('mutated', at)
    if (send.transaction?.fate === 'aborted') findings.add('aborted', `${at}, of ${send.transaction.name}`)
    if (send.transaction?.fate === 'open') findings.add('precommitted', `${at}, of ${send.transaction.name}`)
  }
  checkPlaces(findings, history.sendsTo(log), found)
  for (const refusal of history.refusals) if (refusal.log === log) findings.add('refused', refusal.what)
  const lastOfKeys = isCompacted ? new Map(read.map(({ content, offset }) => [keyOf(content), offset])) : undefined
  for (const send of sends.values()) {
    if (send.fate === 'fail') continue
    const isThere = found.has(send.id)
    if (send.transaction) count(seenBy, send.transaction, isThere, log)
    if (isThere || send.fate !== 'ok' || (send.transaction?.fate ?? 'committed') !== 'committed') continue
    if ((lastOfKeys?.get(keyOf(send.content)) ?? -1) > send.offset!) continue
    if (send.offset! >= startOffset) findings.add('lost', `${send.id.slice(0, 60)}, acknowledged at ${send.offset}`)
  }
  return findings.violations()
}

/** Each where it was said to be; and what one producer was told of in order stands in that order. */
function checkPlaces(findings: Findings, sends: readonly Send[], found: ReadonlyMap<string, SeenRecord>): void {
  const last = new Map<string, Send>()
  const byOffset = new Map<number, string>()
  for (const send of sends) {
    if (send.fate !== 'ok') continue
    const { id, offset, producer } = send
    const at = found.get(id)
    const other = byOffset.get(offset!)
    if (other !== undefined)
      findings.add('offset-conflict', `${offset}: ${other} and ${id} were both acknowledged there`)
    byOffset.set(offset!, id)
    if (at && at.offset !== offset)
      findings.add('offset-conflict', `${id.slice(0, 60)} was acknowledged at ${offset} and is at ${at.offset}`)
    const before = last.get(producer)
    if (before && before.offset! > offset!)
      findings.add('reordered', `${id.slice(0, 60)} at ${offset}, before ${before.id.slice(0, 60)} at ${before.offset}`)
    last.set(producer, send)
  }
}

function count(
  seenBy: Map<Transaction, { seen: number; missing: number; where: string }>,
  transaction: Transaction,
  isThere: boolean,
  log: string,
): void {
  let known = seenBy.get(transaction)
  if (!known) {
    known = { seen: 0, missing: 0, where: log }
    seenBy.set(transaction, known)
  }
  if (isThere) known.seen++
  else {
    known.missing++
    known.where = log
  }
}
