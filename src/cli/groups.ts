import { ProgressReader } from '../mirror/progress-reader.ts'
import { nameFilter } from '../mirror/topic-filter.ts'
import { fetchPositions, type GroupPosition, listAllGroups } from '../offset-translation/group-offsets.ts'
import type { GroupStatus } from '../offset-translation/tracked-group.ts'
import { whyUntranslated } from '../offset-translation/untranslated.ts'
import { askDaemon, type DaemonAddress, flowsOf } from './daemon-client.ts'
import { exitCode } from './exit-code.ts'
import { chooseFlow, type FlowSession, readConfig, withFlow } from './flow-session.ts'
import { type Column, type Format, render } from './output.ts'

export interface GroupsOptions extends DaemonAddress {
  readonly flow?: string
  readonly output: Format
}

interface Row {
  readonly flow: string
  readonly group: string
  readonly topic: string
  readonly partition: number
  readonly committed: number
  readonly translated: number | undefined
  readonly onTarget: number | undefined
  readonly reread: number | undefined
  /** Since the group was last known to be in its place on the target; undefined from the clusters alone, which do not tell. */
  readonly ageSeconds: number | undefined
  readonly note: string | undefined
}

const columns: readonly Column<Row>[] = [
  { title: 'FLOW', value: (row) => row.flow },
  { title: 'GROUP', value: (row) => row.group },
  { title: 'TOPIC', value: (row) => row.topic },
  { title: 'PARTITION', value: (row) => row.partition, right: true },
  { title: 'COMMITTED', value: (row) => row.committed, right: true },
  { title: 'TRANSLATED', value: (row) => row.translated, right: true },
  { title: 'ON THE TARGET', value: (row) => row.onTarget, right: true },
  { title: 'WOULD READ AGAIN', value: (row) => row.reread, right: true },
  { title: 'AGE', value: (row) => row.ageSeconds?.toFixed(1).concat(' s'), right: true },
  { title: 'NOTE', value: (row) => row.note },
]

/** Where every group of the source stands: from the daemon, or with a file from the clusters. Exits 3 when one has no place. */
export async function groups(file: string | undefined, options: GroupsOptions): Promise<number> {
  const rows = file === undefined ? await fromDaemon(options) : await fromClusters(file, options)
  process.stdout.write(render(rows, columns, options.output))
  return rows.every((row) => row.translated !== undefined) ? exitCode.ok : exitCode.notReady
}

async function fromDaemon(options: GroupsOptions): Promise<Row[]> {
  const ofFlow = async (flow: string) => {
    const views = (await askDaemon(options, `/api/v1/flows/${encodeURIComponent(flow)}/groups`)) as GroupStatus[]
    return views.flatMap((view) => rowsOf(flow, view))
  }
  return (await Promise.all((await flowsOf(options)).map(ofFlow))).flat()
}

function rowsOf(flow: string, { group, partitions }: GroupStatus): Row[] {
  return partitions.map(({ topic, partition, committed, translated, onTarget, reread, ageSeconds, blocked }) => ({
    ...{ flow, group, topic, partition, committed, translated, onTarget, reread },
    ageSeconds,
    note: blocked,
  }))
}

async function fromClusters(file: string, options: GroupsOptions): Promise<Row[]> {
  const config = readConfig(file)
  const jobs = options.flow === undefined ? config.mirrors : [chooseFlow(config, options.flow)]
  const rows: Row[] = []
  for (const job of jobs) rows.push(...(await withFlow(file, config, job, rowsOfClusters)))
  return rows
}

async function rowsOfClusters({ platform, job, policy, source, target }: FlowSession): Promise<Row[]> {
  const filter = nameFilter(job.groups)
  const [here, there] = await Promise.all([listAllGroups(source), listAllGroups(target)])
  const listed = [...here.groups.values()].filter(({ group }) => filter.matches(group))
  const [committed, written] = await Promise.all([
    fetchPositions(source, listed),
    fetchPositions(
      target,
      listed.flatMap(({ group }) => there.groups.get(group) ?? []),
    ),
  ])
  for (const [side, { failures }, positions] of [
    [source, here, committed],
    [target, there, written],
  ] as const)
    for (const failure of [
      ...failures,
      ...[...positions.failures].map(([group, reason]) => `group ${group}: ${reason}`),
    ])
      process.stderr.write(`${side.name} does not tell all: ${failure}\n`)
  const progress = new ProgressReader(platform, target, policy.progressTopic)
  const rows: Row[] = []
  for (const [group, positions] of committed.positions)
    for (const { topic, partition, offset } of positions) {
      const view = await progress.partition(topic, partition)
      if (!view) continue
      const translated = view.map?.translate(offset)
      const onTarget = placeOf(written.positions.get(group), view.remoteTopic, partition)
      const reread = translated === undefined || onTarget === undefined ? undefined : Math.max(0, translated - onTarget)
      const note = translated === undefined ? (view.reason ?? whyUntranslated(view.map!, offset, false)) : undefined
      const row = { flow: job.name, group, topic, partition, committed: offset, translated, onTarget, reread }
      rows.push({ ...row, ageSeconds: undefined, note })
    }
  return rows
}

function placeOf(positions: readonly GroupPosition[] | undefined, topic: string, partition: number) {
  return positions?.find((position) => position.topic === topic && position.partition === partition)?.offset
}
