// The HTTP face of embedded brokers: what `heliostat broker` answers on its control address. Loopback only.
import { type Context, Hono } from 'hono'
import { bodyLimit } from 'hono/body-limit'
import { FaultError, type FaultSpec } from '../broker/faults/fault.ts'
import type { Fault, FaultControls } from '../broker/faults/faults.ts'
import { nearName } from '../config/near-name.ts'
import { HeliostatError } from '../platform/errors.ts'
import { jsonBody } from './json-body.ts'
import { addLinkRoutes, type ControlledLinks } from './link-api.ts'
import { answerLocally, refuseOtherOrigin } from './local-only.ts'

export interface Controlled extends ControlledLinks {
  readonly clusters: ControlledClusters
}

/** By name. */
type ControlledClusters = Readonly<Record<string, { readonly faults: FaultControls }>>

/** A fault as it is shown: what was asked for, and how often it met a request. */
export interface FaultView extends FaultSpec {
  readonly id: string
  readonly cluster: string
  readonly hits: number
  readonly isSpent: boolean
}

const BODY_BYTES_MAX = 64 * 1024

export function controlApp(topology: Controlled): Hono {
  const { clusters } = topology
  const app = new Hono()
  app.use('*', answerLocally)
  app.get('/healthz', (context) => context.text('ok\n'))
  app.use('/api/*', async (context, next) => refuseOtherOrigin(context) ?? next())
  app.use(
    '/api/*',
    bodyLimit({
      maxSize: BODY_BYTES_MAX,
      onError: (context) => context.json({ error: `a body has at most ${BODY_BYTES_MAX} bytes` }, 413),
    }),
  )
  app.get('/api/v1/faults', (context) => context.json(viewsOf(clusters)))
  app.post('/api/v1/faults', (context) => add(context, clusters))
  app.delete('/api/v1/faults', (context) => {
    const removed = viewsOf(clusters)
    for (const { faults } of Object.values(clusters)) faults.clear()
    return context.json(removed)
  })
  app.delete('/api/v1/faults/:id', (context) => {
    const found = allFaults(clusters).find(({ fault }) => fault.id === context.req.param('id'))
    if (!found) return context.json({ error: `there is no fault ${context.req.param('id')}` }, 404)
    found.fault.remove()
    return context.json(viewOf(found))
  })
  addLinkRoutes(app, topology)
  app.notFound((context) => context.json({ error: `nothing at ${context.req.path}` }, 404))
  return app
}

async function add(context: Context, clusters: ControlledClusters): Promise<Response> {
  const body = await jsonBody(context)
  if (body instanceof Response) return body
  const { cluster: named, ...spec }: FaultSpec & { cluster?: unknown } = body
  const cluster = clusterOf(named, clusters)
  if (typeof cluster === 'object') return context.json(refusal([cluster]), 400)
  try {
    const fault = clusters[cluster]!.faults.add(spec)
    return context.json(viewOf({ cluster, fault }), 201)
  } catch (error) {
    if (error instanceof FaultError) return context.json(refusal(error.problems), 400)
    if (error instanceof HeliostatError) return context.json({ error: error.message }, 409)
    throw error
  }
}

/** The cluster's name, or what is wrong with it; it may be left out where there is only one. */
function clusterOf(named: unknown, clusters: ControlledClusters): string | { field: string; message: string } {
  const names = Object.keys(clusters)
  if (named === undefined && names.length === 1) return names[0]!
  if (named === undefined) return { field: 'cluster', message: `one of ${names.join(', ')} must be named` }
  if (typeof named === 'string' && names.includes(named)) return named
  const near = typeof named === 'string' ? nearName(named, names) : undefined
  const hint = near === undefined ? `there are ${names.join(', ')}` : `did you mean ${near}?`
  return { field: 'cluster', message: `there is no cluster ${String(named)}; ${hint}` }
}

function refusal(problems: readonly { field: string; message: string }[]) {
  return { error: problems.map(({ field, message }) => `${field}: ${message}`).join('; '), problems }
}

interface Placed {
  readonly cluster: string
  readonly fault: Fault
}

function allFaults(clusters: ControlledClusters): Placed[] {
  return Object.entries(clusters).flatMap(([cluster, { faults }]) => faults.list().map((fault) => ({ cluster, fault })))
}

function viewsOf(clusters: ControlledClusters): FaultView[] {
  return allFaults(clusters).map(viewOf)
}

function viewOf({ cluster, fault: { id, spec, hits, isSpent } }: Placed): FaultView {
  return { id, cluster, ...spec, hits, isSpent }
}
