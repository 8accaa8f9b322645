import { styleText } from 'node:util'
import type { LinkStatus, WayStatus } from '../../topology/link.ts'
import { bandwidthText, bytesText, countText, latencyText } from '../output.ts'
import type { GroupAccount } from './ledger.ts'

interface ScreenFlow {
  readonly name: string
  readonly state: string
  readonly recordsPerSecond: number
  readonly bytesPerSecond: number
  readonly lagRecords: number
  readonly rpoMs: number
}

export interface ScreenView {
  readonly url: string
  readonly bootstrap: Readonly<Record<string, string>>
  readonly link: LinkStatus
  readonly produced: number
  readonly producingTo: string
  readonly flows: readonly ScreenFlow[]
  readonly groups: readonly (GroupAccount & { readonly at: string })[]
  readonly notes: readonly string[]
  readonly keys: string
}

const signs: Readonly<Record<WayStatus['state'], { sign: string; style: 'green' | 'yellow' | 'red' }>> = {
  open: { sign: '●', style: 'green' },
  slowed: { sign: '◐', style: 'yellow' },
  stalled: { sign: '◌', style: 'yellow' },
  cut: { sign: '✕', style: 'red' },
}

/** The demo as lines of text; `styled` colours them for a terminal. */
export function screenLines(view: ScreenView, styled: boolean): string[] {
  const paint = (style: Parameters<typeof styleText>[0], text: string) =>
    styled ? styleText(style, text, { validateStream: false }) : text
  const clusters = Object.entries(view.bootstrap).map(
    ([name, address]) => `${paint('green', '●')} ${paint('bold', name.padEnd(6))} ${address}`,
  )
  const ways = view.link.ways.map((way) => {
    const { sign, style } = signs[way.state]
    const name = paint('bold', `${way.from} → ${way.to}`.padEnd(20))
    const speed = `${latencyText(way)}  ${bandwidthText(way.bitsPerSecond)}`
    const held = way.bytesHeld > 0 ? `  ${bytesText(way.bytesHeld)} on the way` : ''
    return `${paint(style, sign)} ${name} ${paint(style, way.state.padEnd(8))} ${speed}  ${bytesText(way.bytes)} sent${held}`
  })
  const flows = view.flows.map((flow) => {
    const good = flow.state === 'running'
    const rate = `${countText(Math.round(flow.recordsPerSecond))} records/s  ${bytesText(flow.bytesPerSecond)}/s`
    return [
      paint('bold', flow.name.padEnd(12)),
      paint(good ? 'green' : 'yellow', flow.state.padEnd(20)),
      rate.padEnd(32),
      `lag ${countText(flow.lagRecords)}`.padEnd(14),
      `RPO ${(flow.rpoMs / 1_000).toFixed(1)} s`,
    ].join(' ')
  })
  const groups = view.groups.map((group) => {
    const fault = group.skipped > 0
    const account = `skipped ${group.skipped}  re-read ${group.reread}`
    return `${group.group.padEnd(12)} on ${group.at.padEnd(6)} processed ${countText(group.processed).padEnd(10)} ${paint(fault ? 'red' : 'green', account)}`
  })
  return [
    `${paint('bold', 'heliostat demo')}   ${paint('cyan', view.url)}`,
    '',
    ...clusters,
    ...ways,
    '',
    `producing to ${view.producingTo}: ${countText(view.produced)} records acknowledged`,
    ...flows,
    ...groups,
    '',
    ...view.notes.slice(-6),
    '',
    paint('dim', view.keys),
  ]
}
