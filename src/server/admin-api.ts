// The HTTP face of the daemon: health, metrics, the API and the page, on one listener.
import { createHash, timingSafeEqual } from 'node:crypto'
import { type Context, Hono, type Next } from 'hono'
import { bodyLimit } from 'hono/body-limit'
import { ConfigError } from '../config/problem.ts'
import type { MirrorStatus } from '../mirror/status.ts'
import { HeliostatError } from '../platform/errors.ts'
import { connectRoutes } from './connect-api.ts'
import { dashboard } from './dashboard.ts'
import { type FlowView, totalsOf } from './flow-view.ts'
import { answerLocally, refuseOtherOrigin } from './local-only.ts'
import type { Rates } from './rates.ts'

const BODY_BYTES_MAX = 4 * 1024 * 1024
const REVERSE = 'reverse is true or false'
const POSITIONS = 'the body must be a list: [{"topic":"orders","partition":0,"offset":42}, …]'

export interface AdminOptions {
  readonly flows: ReadonlyMap<string, FlowView>
  readonly rates: Rates
  readonly metrics: () => Promise<string>
  /** Names and reasons of what is not ready; empty: ready. */
  readonly notReady: () => readonly string[]
  /** Bearer tokens; empty: everybody on this machine may. */
  readonly tokens: () => readonly string[]
  /** Other machines reach it: what names topics takes a token, too. */
  readonly isExposed?: boolean
  /** Reads the configuration anew; rejects with a HeliostatError that says why nothing was changed. */
  readonly reload: (dryRun: boolean) => Promise<object>
}

export function adminApp(options: AdminOptions): Hono {
  const app = new Hono()
  app.use('*', answerLocally)
  app.get('/healthz', (context) => context.text('ok\n'))
  const withToken = async (context: Context, next: Next) => {
    const refused = refuse(context, options.tokens())
    if (refused) return refused
    return next()
  }
  if (options.isExposed) app.use('/metrics', withToken)
  app.get('/readyz', (context) => {
    const reasons = options.notReady()
    if (reasons.length === 0) return context.text('ready\n')
    const isAsked = context.req.query('verbose') !== undefined
    const refused = options.isExposed && isAsked ? refuse(context, options.tokens()) : undefined
    if (refused) return refused
    return context.text(`not ready\n${isAsked ? `${reasons.join('\n')}\n` : ''}`, 503)
  })
  app.get('/metrics', async (context) =>
    context.body(await options.metrics(), 200, { 'Content-Type': 'text/plain; version=0.0.4; charset=utf-8' }),
  )
  app.use('/api/*', withToken)
  app.post('/api/v1/config/reload', (context) => reload(context, options))
  flowRoutes(app, options)
  connectRoutes(app, options.flows)
  dashboard(app)
  app.notFound((context) => context.json({ error: `nothing at ${context.req.path}` }, 404))
  return app
}

function flowRoutes(app: Hono, { flows, rates }: AdminOptions): void {
  type Answer = (context: Context, flow: FlowView) => Response | Promise<Response>
  const withFlow = (answer: Answer) => (context: Context) => {
    const name = context.req.param('flow') ?? ''
    const flow = flows.get(name)
    if (flow) return answer(context, flow)
    return context.json({ error: `there is no flow ${name}`, flows: [...flows.keys()] }, 404)
  }
  app.get('/api/v1/flows', (context) => context.json([...flows.values()].map((flow) => summary(flow, rates))))
  app.get(
    '/api/v1/flows/:flow',
    withFlow((context, flow) => context.json(summary(flow, rates))),
  )
  app.get(
    '/api/v1/flows/:flow/topics',
    withFlow((context, flow) => context.json(flow.status().topics)),
  )
  app.get(
    '/api/v1/flows/:flow/groups',
    withFlow((context, flow) => context.json(flow.groups())),
  )
  app.get(
    '/api/v1/flows/:flow/gaps',
    withFlow((context, flow) => context.json(flow.gaps())),
  )
  app.get(
    '/api/v1/flows/:flow/sync',
    withFlow((context, flow) => context.json(flow.sync())),
  )
  app.get('/api/v1/flows/:flow/translate', withFlow(translate))
  app.post(
    '/api/v1/flows/:flow/translate',
    bodyLimit({
      maxSize: BODY_BYTES_MAX,
      onError: (context) => context.json({ error: `a body has at most ${BODY_BYTES_MAX} bytes` }, 413),
    }),
    withFlow(translateMany),
  )
  app.get('/api/v1/flows/:flow/explain', withFlow(explain))
  app.get('/api/v1/jobs', (context) => context.json([...flows.values()].flatMap((flow) => flow.jobs())))
  for (const verb of ['pause', 'resume'] as const) {
    app.post(
      `/api/v1/flows/:flow/${verb}`,
      withFlow((context, flow) => {
        flow[verb](context.req.query('topic'))
        return context.json(summary(flow, rates))
      }),
    )
  }
}

function translate(context: Context, flow: FlowView): Response {
  const topic = context.req.query('topic')
  const [partition, offset] = ['partition', 'offset'].map((name) => natural(context.req.query(name)))
  if (!topic || partition === undefined || offset === undefined)
    return context.json({ error: 'topic, partition and offset are required: ?topic=orders&partition=0&offset=42' }, 400)
  const reverse = isReverse(context)
  if (reverse === undefined) return context.json({ error: REVERSE }, 400)
  const answer = flow.translate({ topic, partition, offset, reverse })
  return context.json(answer, answer.offset === undefined ? 404 : 200)
}

/** 200: what changed; 409: why nothing did, with each problem of the file and its place. */
async function reload(context: Context, options: AdminOptions): Promise<Response> {
  try {
    return context.json(await options.reload(context.req.query('dryRun') === 'true'))
  } catch (error) {
    if (error instanceof ConfigError) return context.json({ error: error.message, problems: error.problems }, 409)
    if (error instanceof HeliostatError) return context.json({ error: error.message }, 409)
    throw error
  }
}

/** A list of positions in, the list of their answers out, in the same order: for checkpoints of Flink, Spark and the like. */
async function translateMany(context: Context, flow: FlowView): Promise<Response> {
  if (!/^application\/json\b/i.test(context.req.header('content-type') ?? ''))
    return context.json({ error: 'positions are sent as application/json' }, 415)
  const positions: unknown = await context.req.json().catch(() => undefined)
  if (!Array.isArray(positions) || !positions.every(isPosition)) return context.json({ error: POSITIONS }, 400)
  const reverse = isReverse(context)
  if (reverse === undefined) return context.json({ error: REVERSE }, 400)
  return context.json(
    positions.map(({ topic, partition, offset }) => {
      const { translatedTopic, offset: translated, reason } = flow.translate({ topic, partition, offset, reverse })
      return { topic, partition, offset, translatedTopic, translated, reason }
    }),
  )
}

function isReverse(context: Context): boolean | undefined {
  const said = context.req.query('reverse') ?? 'false'
  return said === 'true' || said === 'false' ? said === 'true' : undefined
}

function natural(text: string | undefined): number | undefined {
  const number = /^\d+$/.test(text ?? '') ? Number(text) : undefined
  return Number.isSafeInteger(number) ? number : undefined
}

function isPosition(value: unknown): value is { topic: string; partition: number; offset: number } {
  const { topic, partition, offset } = (value ?? {}) as Record<string, unknown>
  const isNatural = (number: unknown) => Number.isSafeInteger(number) && (number as number) >= 0
  return typeof topic === 'string' && isNatural(partition) && isNatural(offset)
}

async function explain(context: Context, flow: FlowView): Promise<Response> {
  const name = context.req.query('name')
  if (!name) return context.json({ error: 'a name is required: ?name=orders' }, 400)
  try {
    return context.json(await flow.explain(name))
  } catch (error) {
    if (error instanceof HeliostatError) return context.json({ error: error.message }, 503)
    throw error
  }
}

export interface FlowSummary {
  readonly flow: string
  readonly source: string
  readonly target: string
  readonly state: MirrorStatus['state']
  /** Why the flow does not run at all; absent when it does. */
  readonly reason?: string
  readonly rpoSeconds: number
  readonly rpoRecords: number
  readonly rpoTargetSeconds: number
  readonly lagRecords: number
  readonly recordsPerSecond: number
  readonly bytesPerSecond: number
  readonly records: number
  readonly bytes: number
  readonly topics: number
  readonly partitions: number
  readonly stoppedPartitions: number
  /** Entries of the ledger, whichever instance wrote them; and source records that this one's partitions lack for them. */
  readonly gaps: number
  readonly gapRecords: number
  readonly groups: number
  readonly groupsBlocked: number
  /** What could not be brought in step with the source: topics, configs, access rules, replicas. */
  readonly drift: number
  readonly groupOffsets: FlowView['groupOffsets']
  readonly bufferedBytes: number
  readonly bufferedBytesMax: number
}

function summary(flow: FlowView, rates: Rates): FlowSummary {
  const status = flow.status()
  const totals = totalsOf(status)
  const groups = flow.groups()
  return {
    flow: flow.name,
    source: status.source,
    target: status.target,
    state: status.state,
    ...(status.reason === undefined ? {} : { reason: status.reason }),
    rpoSeconds: status.rpoMs / 1_000,
    rpoRecords: status.rpoRecords,
    rpoTargetSeconds: flow.rpo.seconds,
    lagRecords: totals.lagRecords,
    ...rates.of(flow.name),
    records: totals.records,
    bytes: totals.bytes,
    topics: status.topics.length,
    partitions: totals.partitions,
    stoppedPartitions: totals.stopped,
    gaps: flow.gaps().length,
    gapRecords: totals.gapRecords,
    groups: groups.length,
    groupsBlocked: groups.filter((group) => group.state === 'blocked').length,
    drift: driftOf(flow),
    groupOffsets: flow.groupOffsets,
    bufferedBytes: status.bufferedBytes,
    bufferedBytesMax: status.bufferedBytesMax,
  }
}

function driftOf(flow: FlowView): number {
  const { refusedTopics, refusedConfigs, refusedAcls, fewerReplicas } = flow.sync()
  return refusedTopics.length + refusedConfigs.length + refusedAcls.length + fewerReplicas.length
}

function refuse(context: Context, tokens: readonly string[]): Response | undefined {
  const elsewhere = refuseOtherOrigin(context)
  if (elsewhere) return elsewhere
  if (tokens.length === 0) return undefined
  const given = /^Bearer (.+)$/.exec(context.req.header('authorization') ?? '')?.[1]
  if (given !== undefined && tokens.some((token) => sameSecret(token, given))) return undefined
  return context.json({ error: 'a bearer token of server.tokens is required' }, 401)
}

/** Takes as long for a near miss as for a far one. */
function sameSecret(a: string, b: string): boolean {
  const digest = (text: string) => createHash('sha256').update(text).digest()
  return timingSafeEqual(digest(a), digest(b))
}
