// Keeps the configs of the copies in step with their sources, pass by pass: only what differs is written. A value that the target
// refuses is listed, tried again at the next pass, and stops nothing.
import type { ClusterClient } from '../client/cluster-client.ts'
import type { Platform } from '../platform/platform.ts'
import { type ConfigChange, ConfigWriter, type RefusedConfig } from '../sink/config-writer.ts'
import { type ConfigRules, configChanges } from './config-rules.ts'
import { readTopicConfigs } from './topic-configs.ts'

/** A topic by its names on both sides. */
interface TopicPair {
  readonly topic: string
  readonly remoteTopic: string
}

export interface ConfigSyncOptions {
  readonly source: ClusterClient
  readonly target: ClusterClient
  readonly rules: ConfigRules
  /** Topics whose copies exist. */
  readonly topics: () => Iterable<TopicPair>
}

/** Each has some thirty: so those of a thousand topics neither take memory together nor keep records waiting. */
const TOPICS_AT_ONCE = 25

export class ConfigSync {
  readonly #platform: Platform
  readonly #options: ConfigSyncOptions
  readonly #writer: ConfigWriter
  #refused: readonly RefusedConfig[] = []

  constructor(platform: Platform, options: ConfigSyncOptions) {
    this.#platform = platform
    this.#options = options
    this.#writer = new ConfigWriter(options.target)
  }

  /** What the target refused in the last pass; topics by their names on the target. */
  get refused(): readonly RefusedConfig[] {
    return this.#refused
  }

  /** What a pass would change. */
  plan(): Promise<PlannedConfigChanges> {
    return plannedConfigChanges(this.#options)
  }

  /** One pass over all topics. */
  async sync(signal?: AbortSignal): Promise<string> {
    const { changes, unreadable } = await this.plan()
    signal?.throwIfAborted()
    const refused = await this.#writer.alter(changes)
    this.#tell(refused)
    this.#refused = refused
    const count = [...changes.values()].reduce((sum, list) => sum + list.length, 0)
    const said = [`${count - refused.length} configs changed`]
    if (refused.length > 0) said.push(`${refused.length} refused`)
    if (unreadable.length > 0)
      said.push(`those of ${unreadable.length} topics may not be read: ${unreadable.slice(0, 3).join(', ')}`)
    return said.join(', ')
  }

  /** Told once, not at every pass. */
  #tell(refused: readonly RefusedConfig[]): void {
    const known = new Set(this.#refused.map(textOf))
    for (const one of refused) {
      if (known.has(textOf(one))) continue
      const { topic, name, value, reason } = one
      const what = value === null ? `the default of ${name}` : `${name}=${value}`
      this.#platform.log.warn('configs.refused', `${topic} on the target does not take ${what}: ${reason}`, {
        topic,
        config: name,
      })
    }
  }
}

const textOf = ({ topic, name, value, reason }: RefusedConfig) => JSON.stringify([topic, name, value, reason])

interface PlannedConfigChanges {
  /** By the topic's name on the target; topics without a difference are left out. */
  readonly changes: ReadonlyMap<string, readonly ConfigChange[]>
  /** Topics of which one side may not be read, by their names on that side: what differs cannot be told. */
  readonly unreadable: readonly string[]
}

async function plannedConfigChanges(options: ConfigSyncOptions): Promise<PlannedConfigChanges> {
  const { source: from, target: to, rules } = options
  // Topics come and go on both sides; those of which one side is gone are nothing to compare.
  const isThere = ({ topic, remoteTopic }: TopicPair) => from.topics().has(topic) && to.topics().has(remoteTopic)
  const pairs = [...options.topics()].filter(isThere)
  const changes = new Map<string, ConfigChange[]>()
  const unreadable: string[] = []
  for (let at = 0; at < pairs.length; at += TOPICS_AT_ONCE) {
    const some = pairs.slice(at, at + TOPICS_AT_ONCE)
    const names = some.map(({ topic }) => topic)
    const remoteNames = some.map(({ remoteTopic }) => remoteTopic)
    const [here, there] = await Promise.all([readTopicConfigs(from, names), readTopicConfigs(to, remoteNames)])
    for (const { topic, remoteTopic } of some) {
      const [source, target] = [here.get(topic), there.get(remoteTopic)]
      if (!source || !target) {
        unreadable.push(source ? remoteTopic : topic)
        continue
      }
      const found = configChanges(source, target, rules)
      if (found.length > 0) changes.set(remoteTopic, found)
    }
  }
  return { changes, unreadable }
}
