import { type FlowPlan, type PlannedChange, planFlow } from '../daemon-plan.ts'
import { ClusterAliases } from '../mirror/cluster-aliases.ts'
import { RemoteNames } from '../mirror/remote-names.ts'
import { exitCode } from './exit-code.ts'
import { readConfig, withFlow } from './flow-session.ts'
import { type Column, type Format, render, renderOne } from './output.ts'

export interface PlanOptions {
  readonly output: Format
  readonly detailedExitcode: boolean
}

type Row = PlannedChange & { readonly flow: string }

const SIGNS: Readonly<Record<PlannedChange['action'], string>> = {
  'create-topic': '+ create topic',
  'take-over': '~ go on with',
  'add-partitions': '~ add partitions',
  'alter-config': '~ set config',
  'create-acl': '+ allow or deny',
  'delete-acl': '- take back',
  'delete-topic': '- delete topic',
}

const columns: readonly Column<Row>[] = [
  { title: 'CHANGE', value: (row) => SIGNS[row.action] },
  { title: 'CLUSTER', value: (row) => row.cluster },
  { title: 'OF', value: (row) => row.resource },
  { title: 'WHAT', value: (row) => row.detail },
  { title: 'BY', value: (row) => row.rule },
  { title: 'FLOW', value: (row) => row.flow },
]

/** What a run would create, alter and delete; nothing is changed. Exits 2 for changes where that is asked for. */
export async function plan(file: string, options: PlanOptions): Promise<number> {
  const config = readConfig(file)
  const aliases = new ClusterAliases(Object.keys(config.clusters))
  const names = new Map(Object.keys(config.clusters).map((alias) => [alias, new RemoteNames()]))
  const planned = new Set<string>()
  const plans: FlowPlan[] = []
  for (const job of config.mirrors) {
    const shared = { aliases, remoteNames: names.get(job.to)!, planned, mm2Topics: config.compat.mm2Topics }
    plans.push(
      await withFlow(file, config, job, ({ platform, source, target }) =>
        planFlow(platform, { job, source, target, ...shared }),
      ),
    )
  }
  print(plans, options.output)
  const changes = plans.some((each) => each.changes.length > 0)
  return changes && options.detailedExitcode ? exitCode.usage : exitCode.ok
}

function print(plans: readonly FlowPlan[], format: Format): void {
  const rows: Row[] = plans.flatMap(({ flow, changes }) => changes.map((change) => ({ flow, ...change })))
  if (format === 'json' || format === 'yaml')
    process.stdout.write(renderOne({ formatVersion: 1, flows: plans }, format))
  else if (rows.length > 0) process.stdout.write(render(rows, columns, format))
  for (const { flow, notMirrored, problems } of plans) {
    for (const problem of problems) process.stderr.write(`${flow}: ${problem}\n`)
    if (format === 'table')
      process.stderr.write(`${flow}: ${countOf(rows, flow)}; ${notMirrored.length} topics stay where they are\n`)
  }
}

function countOf(rows: readonly Row[], flow: string): string {
  const count = rows.filter((row) => row.flow === flow).length
  return count === 0 ? 'nothing to change' : count === 1 ? '1 change' : `${count} changes`
}
