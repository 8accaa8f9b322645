// The scripted play: outage, failover, failback, unattended. Every figure is counted against the ledger.
import { sleep } from '../../platform/platform.ts'
import { countText } from '../output.ts'
import type { CopyAccount } from './ledger.ts'
import type { Play } from './play.ts'

export interface Verdict {
  readonly lines: readonly string[]
  readonly passed: boolean
}

export async function playScript(play: Play, seconds: number, say: (line: string) => void): Promise<Verdict> {
  const { clock } = play.platform
  const act = () => sleep(clock, seconds * 1_000)

  say(`Act 1 · traffic on east, groups read there, heliostat mirrors to west (${seconds} s)`)
  await act()

  say('Act 2 · the link is cut: no warning, no drain; the shop and the groups at east stop')
  play.cut()
  const cutAt = clock.monotonic()
  await play.stopProducing()
  await play.stopReading()
  const atCut = await play.compare('east')
  say(
    `        ${countText(play.ledger.total)} records were acknowledged, ${countText(atCut.missing)} of them had not crossed yet`,
  )

  say('Act 3 · failover: the groups go on at west, the shop produces there')
  const before = play.ledger.accounts().map((account) => ({ ...account }))
  await play.readAt('west')
  await play.produceAt('west')
  await play.until('the first record at west', () =>
    play.ledger.accounts().some((account, index) => account.processed > (before[index]?.processed ?? 0)),
  )
  const failoverMs = clock.monotonic() - cutAt
  await act()
  const skippedAtFailover = play.ledger.accounts().reduce((sum, account) => sum + account.skipped, 0)
  const rereadAtFailover = play.ledger.accounts().reduce((sum, account) => sum + account.reread, 0)

  say('Act 4 · the link is healed: what had not crossed drains, west is mirrored back')
  play.heal()
  await play.drained('east')
  await play.processed('east')
  await act()

  say('Act 5 · failback: everything stops at west, drains, and goes on at east')
  await play.stopProducing()
  await play.processed('west')
  await play.drained('west')
  await play.stopReading()
  await play.until('the groups to be brought over', () => play.groupsBroughtOver('west', 'east'))
  const returned = await play.bringGroupsBack('west', 'east')
  const rereadBefore = play.ledger.accounts().reduce((sum, account) => sum + account.reread, 0)
  await play.readAt('east')
  await play.produceAt('east')
  await act()
  await play.stopProducing()
  await play.processed('east')
  await play.drained('east')
  await play.stopReading()

  const copies = { east: await play.compare('east'), west: await play.compare('west') }
  return judge(play, { copies, atCut, failoverMs, skippedAtFailover, rereadAtFailover, rereadBefore, returned })
}

interface Figures {
  readonly copies: { readonly east: CopyAccount; readonly west: CopyAccount }
  readonly atCut: CopyAccount
  readonly failoverMs: number
  readonly skippedAtFailover: number
  readonly rereadAtFailover: number
  readonly rereadBefore: number
  readonly returned: number
}

function judge(play: Play, figures: Figures): Verdict {
  const { copies, failoverMs, rereadAtFailover, rereadBefore } = figures
  const accounts = play.ledger.accounts()
  const skipped = accounts.reduce((sum, account) => sum + account.skipped, 0)
  const rereadAtFailback = accounts.reduce((sum, account) => sum + account.reread, 0) - rereadBefore
  const both = (value: (account: CopyAccount) => number) => value(copies.east) + value(copies.west)
  const checks: [what: string, value: number, allowed: number][] = [
    ['records missing from the copies', both((c) => c.missing), 0],
    ['records twice in the copies', both((c) => c.duplicated), 0],
    ['records out of order in the copies', both((c) => c.reordered), 0],
    ['records skipped by the groups', skipped, 0],
    ['records re-read at failback', rereadAtFailback, 0],
  ]
  const lines = [
    `${countText(play.ledger.total)} records acknowledged, ${countText(both((c) => c.records))} copies compared one by one`,
    ...checks.map(([what, value, allowed]) => `${value <= allowed ? 'ok  ' : 'FAIL'}  ${what}: ${countText(value)}`),
    `      not crossed when the link was cut, drained after it was healed: ${countText(figures.atCut.missing)}`,
    `      re-read at failover, committed in the last moment before the cut: ${countText(rereadAtFailover)}`,
    `      from the cut to the first record processed at west: ${(failoverMs / 1_000).toFixed(2)} s`,
    `      group offsets translated back: ${figures.returned}`,
  ]
  // A play without traffic would pass every check.
  const happened = copies.east.records > 0 && copies.west.records > 0 && figures.returned > 0
  if (!happened) lines.push('FAIL  nothing was mirrored in one of the directions')
  return { lines, passed: happened && checks.every(([, value, allowed]) => value <= allowed) }
}
