// What the groups of the source have committed: heard where the source writes it, or asked of their coordinators.
//
// Invariant: a commit that was heard is in the news, or in the group's positions, or the group is to be asked again.
import type { ClusterClient } from '../client/cluster-client.ts'
import { TopicPartition } from '../client/topic-partition.ts'
import { CommitNews } from './commit-news.ts'
import type { GroupCommit } from './group-commit.ts'
import { fetchPositions, type GroupListing, type ListedGroup, listAllGroups } from './group-offsets.ts'
import type { Due, MirroredHere, TrackedGroups } from './tracked-groups.ts'

/** Share groups keep no offsets of this kind. */
const WITHOUT_OFFSETS = new Set(['share'])

export class SourceGroups {
  readonly #client: ClusterClient
  readonly #matches: (group: string) => boolean
  readonly #tracked: TrackedGroups
  readonly #news = new CommitNews()
  /** Groups of which too little is known, because their coordinators did not answer. */
  readonly #unasked = new Set<string>()
  /** How many questions are under way: meanwhile what is known may be about to be replaced. */
  #asking = 0

  /** What is learned goes to `tracked`. */
  constructor(client: ClusterClient, matches: (group: string) => boolean, tracked: TrackedGroups) {
    this.#client = client
    this.#matches = matches
    this.#tracked = tracked
  }

  // ---- heard

  heard(commits: readonly GroupCommit[]): void {
    let last: string | undefined
    let isWanted = false
    for (const commit of commits) {
      const { group, topic, partition, position } = commit
      // Neighbours are mostly of one group: to match a name costs more than all the rest.
      if (group !== last) isWanted = this.#tracked.get(group) !== undefined || this.#matches(group)
      last = group
      if (!isWanted) continue
      const source = TopicPartition.of(topic, partition)
      if (!this.#news.has(group) && position && this.#asking === 0) {
        // Consumers say again and again where they are, whether they have moved or not.
        if (this.#tracked.get(group)?.knows(source, position.offset, position.metadata)) continue
      }
      this.#news.note(source, commit)
    }
  }

  /** Something was committed that could not be heard. */
  changed(groups: readonly string[]): void {
    for (const group of groups) if (this.#matches(group)) this.#news.missed(group)
  }

  get hasNews(): boolean {
    return !this.#news.isEmpty
  }

  /** Takes what was heard. */
  async takeNews(due: Due, mirroredHere: MirroredHere): Promise<void> {
    const news = this.#news.take()
    const incomplete = [...news].flatMap(([group, { isIncomplete }]) => (isIncomplete ? [group] : []))
    try {
      if (incomplete.length > 0) await this.#askAnew(incomplete, due, mirroredHere)
    } catch (error) {
      for (const group of news.keys()) this.#unasked.add(group)
      throw error
    }
    for (const [group, { isIncomplete, commits }] of news)
      if (!isIncomplete) this.#tracked.take(group, commits.values(), due, mirroredHere)
  }

  // ---- asked for

  /** All that there are. */
  list(): Promise<GroupListing> {
    return listAllGroups(this.#client)
  }

  /** Those that are to be carried over. */
  wanted({ groups }: GroupListing): ListedGroup[] {
    return [...groups.values()].filter(({ group, type }) => this.#matches(group) && !WITHOUT_OFFSETS.has(type))
  }

  /** All that these groups have committed; what was known of them and is not told any more is gone. */
  async ask(groups: readonly ListedGroup[], due: Due, mirroredHere: MirroredHere): Promise<void> {
    // What was heard of them before is in the answers; what is heard from now on may not be.
    for (const { group } of groups) this.#news.forget(group)
    await this.#ask(groups, due, mirroredHere)
  }

  get areUnasked(): boolean {
    return this.#unasked.size > 0
  }

  /** Those whose coordinators did not answer are asked with the next news. */
  askAgain(): void {
    for (const group of this.#unasked) this.#news.missed(group)
    this.#unasked.clear()
  }

  async #askAnew(groups: readonly string[], due: Due, mirroredHere: MirroredHere): Promise<void> {
    const { groups: listed, failures } = await this.#asked(() => this.list())
    const there: ListedGroup[] = []
    for (const name of groups) {
      const group = listed.get(name)
      if (group) there.push(group)
      else if (failures.length > 0) this.#unasked.add(name)
      else this.#tracked.drop(name)
    }
    await this.#ask(there, due, mirroredHere)
  }

  async #ask(groups: readonly ListedGroup[], due: Due, mirroredHere: MirroredHere): Promise<void> {
    const answer = await this.#asked(() => fetchPositions(this.#client, groups))
    for (const group of answer.failures.keys()) this.#unasked.add(group)
    for (const [group, positions] of answer.positions) {
      const told = new Set(positions.map(({ topic, partition }) => TopicPartition.of(topic, partition)))
      const known = this.#tracked.get(group)?.positions
      for (const source of known?.keys() ?? []) if (!told.has(source)) known!.delete(source)
      const commits = positions.map(({ topic, partition, offset, metadata }) => {
        return { group, topic, partition, position: { offset, metadata: metadata ?? '' } }
      })
      this.#tracked.take(group, commits, due, mirroredHere)
    }
  }

  async #asked<T>(question: () => Promise<T>): Promise<T> {
    this.#asking++
    try {
      return await question()
    } finally {
      this.#asking--
    }
  }
}
