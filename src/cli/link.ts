// `heliostat link …`: the links between the datacenters of a running `heliostat broker`, over its control address.
import { nearName } from '../config/near-name.ts'
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

/** Does one thing to the link between two datacenters, or to all links of one, and shows how they stand then. */
export async function changeLinks(
  act: 'cut' | 'stall' | 'reset' | 'slow',
  from: string,
  to: string | undefined,
  { url, output, oneWay, latency, jitter, bandwidth }: LinkChangeOptions,
): Promise<number> {
  const speed = { latencyMs: latency, jitterMs: jitter, bitsPerSecond: bandwidth }
  const body = { ...(act === 'slow' && speed), ...(oneWay && { direction: 'one-way' }) }
  const changed = await actOn(await endsOf(url, from, to), act, url, body)
  if (act === 'reset') {
    const broken = changed.reduce((sum, link) => sum + (link.broken ?? 0), 0)
    process.stderr.write(`${broken} connections were broken\n`)
  }
  showLinks(changed, output)
  return exitCode.ok
}

/** Heals one link, all of a datacenter, or all. */
export async function healLinks(
  from: string | undefined,
  to: string | undefined,
  { url, output }: ControlOptions,
): Promise<number> {
  showLinks(await actOn(await endsOf(url, from, to), 'heal', url), output)
  return exitCode.ok
}

async function actOn(
  ends: readonly (readonly [string, string])[],
  act: string,
  url: string,
  body?: object,
): Promise<LinkAnswer[]> {
  const answers: LinkAnswer[] = []
  for (const [from, to] of ends) answers.push(await callControl<LinkAnswer>(url, 'POST', pathOf(from, to, act), body))
  return answers
}

/** The links that are meant, each seen from the datacenter that was named. */
async function endsOf(url: string, from: string | undefined, to: string | undefined): Promise<[string, string][]> {
  if (from !== undefined && to !== undefined) return [[from, to]]
  const links = await callControl<LinkStatus[]>(url, 'GET', '/links')
  const ends = links.flatMap(({ ways }) => ways.map((way): [string, string] => [way.from, way.to]))
  if (from === undefined) return ends.filter((_, index) => index % 2 === 0)
  const own = ends.filter(([one]) => one === from)
  if (own.length > 0) return own
  const datacenters = [...new Set(ends.flat())]
  const near = nearName(from, datacenters)
  const hint = near === undefined ? `there are ${datacenters.join(', ')}` : `did you mean ${near}?`
  throw new HeliostatError('HEL_USAGE', `there is no link from ${from}; ${hint}`)
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
