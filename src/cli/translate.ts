import { ProgressReader } from '../mirror/progress-reader.ts'
import { fetchPositions, listAllGroups } from '../offset-translation/group-offsets.ts'
import { HeliostatError } from '../platform/errors.ts'
import { exitCode } from './exit-code.ts'
import { chooseFlow, type FlowSession, readConfig, withFlow } from './flow-session.ts'
import { type Column, type Format, render } from './output.ts'

export interface TranslateOptions {
  readonly flow?: string
  readonly group?: string
  readonly topic?: string
  readonly partition?: number
  readonly offset?: number
  readonly reverse: boolean
  readonly output: Format
}

interface Row {
  readonly topic: string
  readonly partition: number
  readonly offset: number
  readonly translatedTopic: string | undefined
  readonly translated: number | undefined
  readonly reason?: string
}

const columns: readonly Column<Row>[] = [
  { title: 'TOPIC', value: (row) => row.topic },
  { title: 'PARTITION', value: (row) => row.partition, right: true },
  { title: 'OFFSET', value: (row) => row.offset, right: true },
  { title: 'THERE', value: (row) => row.translatedTopic },
  { title: 'OFFSET THERE', value: (row) => row.translated ?? row.reason, right: true },
]

/** Exact translation, from what stands on the target; it does not need the daemon. Exits 3 when an offset has no answer. */
export async function translate(file: string, options: TranslateOptions): Promise<number> {
  const { group, topic, partition, offset, reverse } = options
  const byOffset = topic !== undefined && partition !== undefined && offset !== undefined
  if ((group === undefined) === !byOffset)
    throw new HeliostatError('HEL_USAGE', 'give either --group, or --topic, --partition and --offset')
  const config = readConfig(file)
  const rows = await withFlow(file, config, chooseFlow(config, options.flow), (session) => {
    if (group !== undefined) return ofGroup(session, group, reverse)
    return ofOffsets(session, [{ topic: topic!, partition: partition!, offset: offset! }], reverse)
  })
  process.stdout.write(render(rows, columns, options.output))
  return rows.every((row) => row.translated !== undefined) ? exitCode.ok : exitCode.notReady
}

interface Position {
  readonly topic: string
  readonly partition: number
  readonly offset: number
}

async function ofGroup(session: FlowSession, group: string, reverse: boolean): Promise<Row[]> {
  const side = reverse ? session.target : session.source
  const listed = (await listAllGroups(side)).groups.get(group)
  const positions = listed && (await fetchPositions(side, [listed])).positions.get(group)
  if (!positions || positions.length === 0) {
    throw new HeliostatError('HEL_NO_GROUP', `group ${group} has no offsets on ${side.name}`, {
      where: { group, cluster: side.name },
    })
  }
  return (await ofOffsets(session, positions, reverse)).filter((row) => row.translatedTopic !== undefined)
}

async function ofOffsets(
  { platform, target, policy }: FlowSession,
  positions: readonly Position[],
  reverse: boolean,
): Promise<Row[]> {
  const progress = new ProgressReader(platform, target, policy.progressTopic)
  const rows: Row[] = []
  for (const { topic, partition, offset } of positions) {
    const view = reverse ? await progress.remotePartition(topic, partition) : await progress.partition(topic, partition)
    const translatedTopic = reverse ? view?.topic : view?.remoteTopic
    const translated = reverse ? view?.map?.reverse(offset) : view?.map?.translate(offset)
    const reason =
      translated !== undefined
        ? undefined
        : (view?.reason ?? (view ? outsideOf(view.map!, offset, reverse) : 'not mirrored'))
    rows.push({ topic, partition, offset, translatedTopic, translated, reason })
  }
  return rows
}

export function outsideOf(
  map: { lowestUpstream: number; nextUpstream: number; nextDownstream: number },
  offset: number,
  reverse: boolean,
): string {
  if (reverse)
    return offset > map.nextDownstream ? `past the target's end ${map.nextDownstream}` : 'older than what is known'
  return offset > map.nextUpstream
    ? `not mirrored yet, which ends at ${map.nextUpstream}`
    : `older than what is known, from ${map.lowestUpstream} on`
}
