// The links between datacenters over HTTP: how they stand, what is done to them, and the faults of single messages.
import type { Context, Hono } from 'hono'
import { FaultError, type FaultProblem } from '../broker/faults/fault.ts'
import { nearName } from '../config/near-name.ts'
import { HeliostatError } from '../platform/errors.ts'
import type { Link, LinkDirection, LinkSpeed, LinkStatus } from '../topology/link.ts'
import type { LinkFaultSpec } from '../topology/link-fault.ts'
import type { LinkFault } from '../topology/link-faults.ts'
import { jsonBody } from './json-body.ts'

export interface ControlledLinks {
  readonly links: readonly Link[]
  /** Throws for datacenters that are not there. */
  link(from: string, to: string): Link
}

/** A fault as it is shown: what was asked for, and how often it met a message. */
export interface LinkFaultView extends LinkFaultSpec {
  readonly id: string
  /** `oregon<->virginia`. */
  readonly link: string
  readonly hits: number
  readonly isSpent: boolean
}

/** Connections that were broken, where some were. */
export type LinkAnswer = LinkStatus & { readonly broken?: number }

type Act = (link: Link, body: Record<string, unknown>) => { broken: number } | undefined

const SPEED_FIELDS = ['latencyMs', 'jitterMs', 'bitsPerSecond'] as const

const ACTS: Readonly<Record<string, { readonly fields: readonly string[]; readonly act: Act }>> = {
  cut: { fields: ['direction'], act: (link, body) => void link.cut(directionOf(body)) },
  stall: { fields: ['direction'], act: (link, body) => void link.stall(directionOf(body)) },
  reset: { fields: [], act: (link) => ({ broken: link.reset() }) },
  slow: {
    fields: ['direction', ...SPEED_FIELDS],
    act: (link, body) => void link.slow(speedOf(body), directionOf(body)),
  },
  heal: { fields: [], act: (link) => void link.heal() },
}

export function addLinkRoutes(app: Hono, topology: ControlledLinks): void {
  const { links } = topology
  app.get('/api/v1/links', (context) => context.json(links.map((link) => link.status())))
  app.post('/api/v1/links/:from/:to/faults', (context) =>
    answered(context, topology, (link, body) => [viewOf(link, link.faults.add(body as LinkFaultSpec)), 201]),
  )
  app.post('/api/v1/links/:from/:to/:act', (context) =>
    answered(context, topology, (link, body) => {
      const name = context.req.param('act')
      const known = Object.hasOwn(ACTS, name) ? ACTS[name] : undefined
      if (!known) return [{ error: `a link cannot ${name}; it can ${Object.keys(ACTS).join(', ')}` }, 404]
      const problems = strangers(body, known.fields)
      if (problems.length > 0) throw new FaultError(problems)
      const done = known.act(link, body)
      return [{ ...link.status(), ...done }, 200]
    }),
  )
  app.get('/api/v1/link-faults', (context) => context.json(viewsOf(links)))
  app.delete('/api/v1/link-faults', (context) => {
    const removed = viewsOf(links)
    for (const link of links) link.faults.clear()
    return context.json(removed)
  })
  app.delete('/api/v1/link-faults/:id', (context) => {
    const id = context.req.param('id')
    const found = placed(links).find(({ fault }) => fault.id === id)
    if (!found) return context.json({ error: `there is no fault ${id}` }, 404)
    found.fault.remove()
    return context.json(viewOf(found.link, found.fault))
  })
}

async function answered(
  context: Context,
  topology: ControlledLinks,
  act: (link: Link, body: Record<string, unknown>) => readonly [object, 200 | 201 | 404],
): Promise<Response> {
  const body = await jsonBody(context)
  if (body instanceof Response) return body
  try {
    const [answer, status] = act(topology.link(context.req.param('from')!, context.req.param('to')!), body)
    return context.json(answer, status)
  } catch (error) {
    if (error instanceof FaultError) return context.json({ error: error.message, problems: error.problems }, 400)
    if (!(error instanceof HeliostatError)) throw error
    return context.json({ error: error.message }, error.code === 'HEL_TOPOLOGY' ? 404 : 400)
  }
}

function strangers(body: Record<string, unknown>, fields: readonly string[]): FaultProblem[] {
  return Object.keys(body).flatMap((field) => {
    if (fields.includes(field)) return []
    const near = nearName(field, fields)
    const hint = near !== undefined ? `; did you mean ${near}?` : ''
    return [{ field, message: `there is no such field here${hint}` }]
  })
}

function directionOf({ direction }: Record<string, unknown>): LinkDirection {
  if (direction === undefined || direction === 'both' || direction === 'one-way') return direction ?? 'both'
  throw new FaultError([{ field: 'direction', message: `must be both or one-way, not ${JSON.stringify(direction)}` }])
}

function speedOf(body: Record<string, unknown>): LinkSpeed {
  const named = SPEED_FIELDS.filter((field) => body[field] !== undefined)
  if (named.length === 0) {
    throw new FaultError([{ field: 'latencyMs', message: `one of ${SPEED_FIELDS.join(', ')} must say what changes` }])
  }
  for (const field of named) {
    if (typeof body[field] !== 'number') throw new FaultError([{ field, message: 'must be a number' }])
  }
  return Object.fromEntries(named.map((field) => [field, body[field]]))
}

function placed(links: readonly Link[]): { link: Link; fault: LinkFault }[] {
  return links.flatMap((link) => link.faults.list().map((fault) => ({ link, fault })))
}

const viewsOf = (links: readonly Link[]) => placed(links).map(({ link, fault }) => viewOf(link, fault))

function viewOf(link: Link, { id, spec, hits, isSpent }: LinkFault): LinkFaultView {
  return { id, link: link.status().name, ...spec, hits, isSpent }
}
