import { type ExplainedFlow, explainName, type Translated } from '../daemon-explain.ts'
import { filterOf } from '../daemon-job.ts'
import { ProgressReader } from '../mirror/progress-reader.ts'
import { nameTopics } from '../mirror/remote-names.ts'
import { whyUntranslated } from '../offset-translation/untranslated.ts'
import type { NameExplanation } from '../server/flow-view.ts'
import { askDaemon, type DaemonAddress, flowsOf } from './daemon-client.ts'
import { exitCode } from './exit-code.ts'
import { chooseFlow, type FlowSession, readConfig, withFlow } from './flow-session.ts'
import { type Format, render } from './output.ts'

export interface ExplainOptions extends DaemonAddress {
  readonly flow?: string
  readonly output: Format
}

/** Every rule that led to mirrored or not, translated or not: from the daemon, or with a file straight from the clusters. */
export async function explain(name: string, file: string | undefined, options: ExplainOptions): Promise<number> {
  const explanations = file === undefined ? await fromDaemon(name, options) : await fromClusters(name, file, options)
  process.stdout.write(options.output === 'table' ? sentences(explanations) : render(explanations, [], options.output))
  return exitCode.ok
}

function sentences(explanations: readonly NameExplanation[]): string {
  return explanations
    .map(({ flow, kind, name, verdict, steps }) =>
      [
        `${flow}: ${kind} ${name} ${verdict.startsWith('would') ? verdict : `is ${verdict}`}`,
        ...steps.map((step) => `  - ${step}`),
        '',
      ].join('\n'),
    )
    .join('')
}

async function fromDaemon(name: string, options: ExplainOptions): Promise<NameExplanation[]> {
  const flows = await flowsOf(options)
  const answers = await Promise.all(
    flows.map((flow) =>
      askDaemon(options, `/api/v1/flows/${encodeURIComponent(flow)}/explain?name=${encodeURIComponent(name)}`),
    ),
  )
  return answers.flat() as NameExplanation[]
}

async function fromClusters(name: string, file: string, options: ExplainOptions): Promise<NameExplanation[]> {
  const config = readConfig(file)
  const jobs = options.flow === undefined ? config.mirrors : [chooseFlow(config, options.flow)]
  const answers: NameExplanation[] = []
  for (const job of jobs)
    answers.push(...(await withFlow(file, config, job, (session) => explainName(explainedFlow(session), name))))
  return answers
}

/** What the progress topic tells stands for what a running flow would know. */
function explainedFlow({ platform, job, policy, source, target }: FlowSession): ExplainedFlow {
  const reader = () =>
    target.topics().has(policy.progressTopic) ? new ProgressReader(platform, target, policy.progressTopic) : undefined
  return {
    job,
    source,
    target,
    refusalOf: async (topic) => {
      const filter = filterOf(job)
      const taken = [...source.topics().values()].filter(({ name, internal }) => !internal && filter.matches(name))
      const progress = reader()
      const isMirrored = async (name: string) => (await progress?.partition(name, 0)) !== undefined
      return (await nameTopics(taken, policy, isMirrored)).refused.get(topic)?.message
    },
    partitionsOf: async (topic) => {
      const count = source.topics().get(topic)?.partitions.length ?? 0
      const progress = reader()
      if (!progress) return undefined
      const views = Array.from({ length: count }, async (_, partition) => {
        const view = await progress.partition(topic, partition)
        if (!view) return `partition ${partition}: has not begun`
        return `partition ${partition}: ${view.map ? `is mirrored up to source offset ${view.map.nextUpstream}` : view.reason}`
      })
      return Promise.all(views)
    },
    translate: async (topic, partition, offset): Promise<Translated> => {
      const view = await reader()?.partition(topic, partition)
      if (!view) return { reason: 'that partition is not mirrored yet' }
      const translated = view.map?.translate(offset)
      if (translated !== undefined) return { offset: translated }
      return { reason: view.map ? whyUntranslated(view.map, offset, false) : view.reason }
    },
  }
}
