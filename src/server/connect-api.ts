// What tools ask of Connect about a MirrorMaker 2, answered for flows: which connectors there are, how they stand, and how far they have come.
// Read-only, in Connect's own JSON (KIP-26, KIP-875); a flow is called as Strimzi calls its source connector, and a partition is a task of it.
import type { Context, Hono } from 'hono'
import type { FlowState, MirrorStatus, PartitionState } from '../mirror/status.ts'
import type { FlowView } from './flow-view.ts'

const BASE = '/api/v1/connect/connectors'
const CONNECTOR = '.MirrorSourceConnector'
const STATES: Readonly<Partial<Record<FlowState | PartitionState, string>>> = {
  running: 'RUNNING',
  'catching-up': 'RUNNING',
  recovering: 'RESTARTING',
  paused: 'PAUSED',
  stopped: 'FAILED',
}
const WORKER = { worker_id: 'heliostat' }

export function connectRoutes(app: Hono, flows: ReadonlyMap<string, FlowView>): void {
  const named = () => [...flows].map(([flow, view]) => [`${flow}${CONNECTOR}`, view] as const)
  const withFlow = (answer: (name: string, status: MirrorStatus) => object) => (context: Context) => {
    const name = context.req.param('connector') ?? ''
    const flow = name.endsWith(CONNECTOR) ? flows.get(name.slice(0, -CONNECTOR.length)) : undefined
    if (flow) return context.json(answer(name, flow.status()))
    return context.json({ error_code: 404, message: `No status found for connector ${name}` }, 404)
  }
  app.get(BASE, (context) =>
    context.req.queries('expand')?.includes('status')
      ? context.json(
          Object.fromEntries(named().map(([name, flow]) => [name, { status: statusOf(name, flow.status()) }])),
        )
      : context.json(named().map(([name]) => name)),
  )
  app.get(`${BASE}/:connector/status`, withFlow(statusOf))
  app.get(`${BASE}/:connector/offsets`, withFlow(offsetsOf))
}

function statusOf(name: string, { state, reason, topics }: MirrorStatus): object {
  const stateOf = (one: FlowState | PartitionState, why: string | undefined) => ({
    state: STATES[one] ?? 'UNASSIGNED',
    ...WORKER,
    ...(one === 'stopped' && why !== undefined ? { trace: why } : {}),
  })
  const tasks = topics.flatMap(({ topic, partitions }) =>
    partitions.map((one) => stateOf(one.state, one.reason && `${topic}-${one.partition}: ${one.reason}`)),
  )
  return {
    name,
    connector: stateOf(state, reason),
    tasks: tasks.map((task, id) => ({ id, ...task })),
    type: 'source',
  }
}

/** As MirrorMaker's source tasks keep them: the offset of the last record that was copied. */
function offsetsOf(_: string, { source, topics }: MirrorStatus): object {
  const offsets = topics.flatMap(({ topic, partitions }) =>
    partitions.flatMap(({ partition, upstream }) =>
      upstream ? [{ partition: { cluster: source, partition, topic }, offset: { offset: upstream - 1 } }] : [],
    ),
  )
  return { offsets }
}
