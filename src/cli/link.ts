// `heliostat link …`: the links between the datacenters of a running `heliostat broker`, over its control address.
import { HeliostatError } from '../platform/errors.ts'
import type { LinkAnswer, LinkFaultView } from '../server/link-api.ts'
import type { LinkStatus, WayStatus } from '../topology/link.ts'
import { type ControlOptions, callControl } from './control.ts'
import { exitCode } from './exit-code.ts'
import { bandwidthText, bytesText, type Column, type Format, latencyText, render } from './output.ts'

export interface LinkChangeOptions extends ControlOptions {
  readonly oneWay?: boolean
  readonly latency?: number
  readonly jitter?: number
  readonly bandwidth?: number
}

export interface LinkFaultOptions extends ControlOptions {
  readonly api?: readonly string[]
  readonly direction?: string
  readonly client?: string
  readonly cluster?: string
  readonly nth?: number
  readonly times?: number | 'all'
  readonly drop?: true
  readonly close?: true
  readonly delay?: number
}

type WayRow = WayStatus & { readonly link: string; readonly connections: number }

const ways: readonly Column<WayRow>[] = [
  { title: 'FROM', value: (way) => way.from },
  { title: 'TO', value: (way) => way.to },
  { title: 'STATE', value: (way) => way.state },
  { title: 'LATENCY', value: latencyText },
  { title: 'BANDWIDTH', value: (way) => bandwidthText(way.bitsPerSecond) },
  { title: 'SENT', value: (way) => bytesText(way.bytes), right: true },
  { title: 'HELD', value: (way) => bytesText(way.bytesHeld), right: true },
  { title: 'CONNECTIONS', value: (way) => way.connections, right: true },
]

const faults: readonly Column<LinkFaultView>[] = [
  { title: 'FAULT', value: (fault) => fault.id },
  { title: 'MEETS', value: meets },
  { title: 'DOES', value: does },
  { title: 'HITS', value: (fault) => fault.hits, right: true },
]

export async function listLinks({ url, output }: ControlOptions): Promise<number> {
  showLinks(await callControl<LinkStatus[]>(url, 'GET', '/links'), output)
  return exitCode.ok
}

/** Does one thing to the link between two datacenters, and shows how it stands then. */
export async function changeLink(
  act: 'cut' | 'stall' | 'reset' | 'slow',
  [from, to]: readonly [string, string],
  { url, output, oneWay, latency, jitter, bandwidth }: LinkChangeOptions,
): Promise<number> {
  const speed = { latencyMs: latency, jitterMs: jitter, bitsPerSecond: bandwidth }
  const body = { ...(act === 'slow' && speed), ...(oneWay && { direction: 'one-way' }) }
  const { broken, ...status } = await callControl<LinkAnswer>(url, 'POST', pathOf(from, to, act), body)
  if (broken !== undefined) process.stderr.write(`${broken} connections were broken\n`)
  showLinks([status], output)
  return exitCode.ok
}

/** Heals one link, or all. */
export async function healLinks(
  from: string | undefined,
  to: string | undefined,
  { url, output }: ControlOptions,
): Promise<number> {
  if (from !== undefined && to === undefined)
    throw new HeliostatError('HEL_USAGE', 'name both ends of the link, or none')
  const ends: (readonly [string, string])[] = []
  if (from !== undefined && to !== undefined) ends.push([from, to])
  else
    for (const { ways } of await callControl<LinkStatus[]>(url, 'GET', '/links'))
      ends.push([ways[0]!.from, ways[0]!.to])
  const healed: LinkStatus[] = []
  for (const [one, other] of ends) healed.push(await callControl<LinkStatus>(url, 'POST', pathOf(one, other, 'heal')))
  showLinks(healed, output)
  return exitCode.ok
}

export async function addLinkFault([from, to]: readonly [string, string], options: LinkFaultOptions): Promise<number> {
  const { url, output, client, delay, ...rest } = options
  const body = { ...rest, clientId: client, delayMs: delay }
  showFaults([await callControl<LinkFaultView>(url, 'POST', pathOf(from, to, 'faults'), body)], output)
  return exitCode.ok
}

export async function listLinkFaults({ url, output }: ControlOptions): Promise<number> {
  showFaults(await callControl<LinkFaultView[]>(url, 'GET', '/link-faults'), output)
  return exitCode.ok
}

/** Shows the faults that are gone, with the hits that they had. */
export async function removeLinkFaults(
  ids: readonly string[],
  { url, output, all }: ControlOptions & { all: boolean },
): Promise<number> {
  if (all === ids.length > 0) throw new HeliostatError('HEL_USAGE', 'name the faults to remove, or say --all')
  const removed: LinkFaultView[] = []
  if (all) removed.push(...(await callControl<LinkFaultView[]>(url, 'DELETE', '/link-faults')))
  for (const id of ids) {
    removed.push(await callControl<LinkFaultView>(url, 'DELETE', `/link-faults/${encodeURIComponent(id)}`))
  }
  showFaults(removed, output)
  return exitCode.ok
}

const pathOf = (from: string, to: string, act: string) =>
  `/links/${encodeURIComponent(from)}/${encodeURIComponent(to)}/${act}`

function showLinks(links: readonly LinkStatus[], output: Format): void {
  const rows = links.flatMap(({ name, connections, ways }) => ways.map((way) => ({ link: name, ...way, connections })))
  process.stdout.write(render(rows, ways, output))
}

function showFaults(rows: readonly LinkFaultView[], output: Format): void {
  process.stdout.write(render(rows, faults, output))
}

function meets({ link, api, direction, clientId, cluster, nth = 1, times = 1 }: LinkFaultView): string {
  const name = (typeof api === 'string' ? api : api?.join(',')) ?? 'any message'
  const parts = [
    direction === 'answer' ? `the answer to ${name}` : name,
    nth > 1 && `from the ${nth}. on`,
    times === 'all' ? 'always' : times > 1 && `${times}×`,
    clientId !== undefined && `of client ${clientId}`,
    cluster !== undefined && `for ${cluster}`,
    `over ${link}`,
  ]
  return parts.filter(Boolean).join(' ')
}

function does({ drop, close, delayMs, isSpent }: LinkFaultView): string {
  const deed = drop ? 'drops it' : close ? 'breaks its connection' : `delays it by ${delayMs} ms`
  return isSpent ? `${deed}, done` : deed
}
