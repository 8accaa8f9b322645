import { nearName } from '../config/near-name.ts'
import { ProgressReader } from '../mirror/progress-reader.ts'
import { fetchPositions, listAllGroups } from '../offset-translation/group-offsets.ts'
import { whyUntranslated } from '../offset-translation/untranslated.ts'
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
  const { groups, failures } = await listAllGroups(side)
  const listed = groups.get(group)
  const answer = listed && (await fetchPositions(side, [listed]))
  const failure = answer?.failures.get(group) ?? (listed ? undefined : failures[0])
  if (failure !== undefined) {
    const message = `${side.name} does not tell where group ${group} stands: ${failure}`
    throw new HeliostatError('HEL_UNREACHABLE', message, { where: { group, cluster: side.name } })
  }
  const positions = answer?.positions.get(group) ?? []
  if (positions.length === 0) throw withoutOffsets(side.name, group, listed ? [] : groups.keys())
  const rows = await ofOffsets(session, positions, reverse)
  const mirrored = rows.filter((row) => row.translatedTopic !== undefined)
  // What the group reads beside is no news, unless there is nothing else.
  return mirrored.length > 0 ? mirrored : rows
}

function withoutOffsets(cluster: string, group: string, groups: Iterable<string>): HeliostatError {
  const near = nearName(group, groups)
  const message = `group ${group} has no offsets on ${cluster}${near === undefined ? '' : `; did you mean ${near}?`}`
  return new HeliostatError('HEL_NO_GROUP', message, { where: { group, cluster } })
}

async function ofOffsets(
  { platform, target, policy }: FlowSession,
  positions: readonly Position[],
  reverse: boolean,
): Promise<Row[]> {
  const progress = new ProgressReader(platform, target, policy.progressTopic)
  const row = async ({ topic, partition, offset }: Position): Promise<Row> => {
    const view = reverse ? await progress.remotePartition(topic, partition) : await progress.partition(topic, partition)
    const translatedTopic = reverse ? view?.topic : view?.remoteTopic
    const translated = reverse ? view?.map?.reverse(offset) : view?.map?.translate(offset)
    const reason =
      translated !== undefined
        ? undefined
        : view
          ? (view.reason ?? whyUntranslated(view.map!, offset, reverse))
          : await whyUnknown(progress, topic, reverse)
    return { topic, partition, offset, translatedTopic, translated, reason }
  }
  return Promise.all(positions.map(row))
}

async function whyUnknown(progress: ProgressReader, topic: string, reverse: boolean): Promise<string> {
  const known = await progress.topics()
  const here = known.map((one) => (reverse ? one.remoteTopic : one.topic))
  if (here.includes(topic)) return 'the topic has no such partition that is mirrored'
  if (known.some((one) => (reverse ? one.topic : one.remoteTopic) === topic))
    return reverse ? 'a topic of the source: leave --reverse out' : 'a topic of the target: add --reverse'
  const near = nearName(topic, here)
  return near === undefined ? 'not mirrored' : `not mirrored; did you mean ${near}?`
}
