// Why a name is mirrored or not, translated or not: every rule on the way, for a topic of the source, a topic of the target, or a group.
// The facts come from the clusters; what only a running flow knows (refusals, positions) is handed in.
import type { ClusterClient } from './client/cluster-client.ts'
import type { MirrorJob } from './config/config.ts'
import { filterOf, policyOf } from './daemon-job.ts'
import { nameProblem } from './mirror/replication-policy.ts'
import { nameFilter } from './mirror/topic-filter.ts'
import { fetchPositions, type GroupPosition, hasMembers, listAllGroups } from './offset-translation/group-offsets.ts'
import type { NameExplanation } from './server/flow-view.ts'

/** Where a position of the source is on the target, or why that has no answer. */
export interface Translated {
  readonly offset?: number
  readonly reason?: string
}

export interface ExplainedFlow {
  readonly job: MirrorJob
  readonly source: ClusterClient
  readonly target: ClusterClient
  /** Why a topic that the filter takes cannot be mirrored all the same. */
  refusalOf(topic: string): Promise<string | undefined>
  /** How the partitions of a topic stand, a sentence each; undefined while nothing was ever mirrored. */
  partitionsOf(topic: string): Promise<readonly string[] | undefined>
  translate(topic: string, partition: number, offset: number): Promise<Translated>
}

/** As a topic, and as a group where there is such a group; a name that is nothing is judged as the topic that it might become. */
export async function explainName(flow: ExplainedFlow, name: string): Promise<NameExplanation[]> {
  const { source, target } = flow
  await Promise.all([source.refresh(), target.refresh()])
  const group = await explainGroup(flow, name)
  const isTopic = source.topics().has(name) || target.topics().has(name)
  return isTopic || !group ? [await explainTopic(flow, name), ...(group ? [group] : [])] : [group]
}

async function explainTopic(flow: ExplainedFlow, name: string): Promise<NameExplanation> {
  const { job, source, target } = flow
  const origin = originOf(flow, name)
  if (origin !== undefined) {
    const explained = await explainTopic(flow, origin)
    const steps = [`on ${job.to} it is the copy of ${origin} of ${job.from}`, ...explained.steps]
    return { ...explained, name, steps }
  }
  const remoteTopic = policyOf(job).remoteTopic(name)
  const steps: string[] = []
  const found = source.topics().get(name)
  const end = (verdict: string, ...last: string[]): NameExplanation => ({
    flow: job.name,
    kind: 'topic',
    name,
    verdict,
    remoteTopic,
    steps: [...steps, ...last],
  })
  steps.push(found ? `${job.from} has this topic` : `${job.from} has no topic of this name, or does not show it to us`)
  const decision = filterOf(job).explain(name)
  steps.push(...decision.steps)
  if (!decision.mirrored) return end('not mirrored')
  if (found?.internal) return end('not mirrored', `${job.from} says that it is internal`)
  steps.push(`its name on ${job.to} is ${remoteTopic}`)
  const refusal = nameProblem(remoteTopic) ?? (await flow.refusalOf(name))
  if (refusal !== undefined) return end('not mirrored', refusal)
  if (!found) return end('would be mirrored')
  if (!target.topics().has(remoteTopic)) return end('not mirrored yet', `${job.to} has no topic ${remoteTopic} yet`)
  const partitions = await flow.partitionsOf(name)
  if (!partitions) return end('not mirrored yet', 'nothing was mirrored between these clusters yet')
  if (partitions.length === 0) return end('mirrored', 'none of its partitions is mirrored by the instance that answers')
  return end('mirrored', ...partitions)
}

/** The source topic, when the name is only one of the target's, and a copy. */
function originOf({ job, source, target }: ExplainedFlow, name: string): string | undefined {
  if (source.topics().has(name) || !target.topics().has(name)) return undefined
  const policy = policyOf(job)
  const filter = filterOf(job)
  return [...source.topics().keys()].find((topic) => policy.remoteTopic(topic) === name && filter.matches(topic))
}

async function explainGroup(flow: ExplainedFlow, name: string): Promise<NameExplanation | undefined> {
  const { job, source, target } = flow
  const [listed, there] = await Promise.all([listAllGroups(source), listAllGroups(target)])
  const found = listed.groups.get(name)
  if (!found) return undefined
  const end = (verdict: string, ...steps: string[]): NameExplanation => ({
    flow: job.name,
    kind: 'group',
    name,
    verdict,
    steps: [`${job.from} has this group, of type ${found.type || 'classic'}, ${found.state}`, ...steps],
  })
  const decision = nameFilter(job.groups).explain(name)
  if (!decision.mirrored) return end('not translated', ...decision.steps)
  if (found.type === 'share')
    return end('not translated', ...decision.steps, 'share groups keep no offsets of this kind')
  const { positions, failures } = await fetchPositions(source, [found])
  const failure = failures.get(name)
  if (failure !== undefined) return end('not translated', ...decision.steps, `its offsets cannot be read: ${failure}`)
  const explained = await Promise.all((positions.get(name) ?? []).map((position) => explainPosition(flow, position)))
  if (explained.length === 0) return end('not translated', ...decision.steps, 'it has committed no offset')
  const onTarget = there.groups.get(name)
  const write = !job.sync.groupOffsets
    ? 'sync.groupOffsets is off: translations are not written to the group'
    : onTarget === undefined || !hasMembers(onTarget)
      ? `on ${job.to} nobody uses the group: translations are written to it`
      : `on ${job.to} the group is ${onTarget.state}, and a group in use is never written`
  const done = explained.filter(({ isTranslated }) => isTranslated).length
  const verdict = done === explained.length ? 'translated' : done > 0 ? 'translated in part' : 'not translated'
  return end(verdict, ...decision.steps, ...explained.map(({ says }) => says), ...(done > 0 ? [write] : []))
}

async function explainPosition(flow: ExplainedFlow, position: GroupPosition) {
  const { topic, partition, offset } = position
  const at = `${topic}-${partition} at ${offset}`
  const { mirrored, rule } = filterOf(flow.job).explain(topic)
  if (!mirrored) return { isTranslated: false, says: `${at}: the topic is not mirrored: ${rule}` }
  const answer = await flow.translate(topic, partition, offset)
  if (answer.offset === undefined) return { isTranslated: false, says: `${at}: ${answer.reason}` }
  return { isTranslated: true, says: `${at}: is ${answer.offset} in ${policyOf(flow.job).remoteTopic(topic)}` }
}
