// Commits that were heard where the source writes them, until somebody looks at them.
//
// Invariants:
// 1. A commit that was heard is here until it is taken or its group is forgotten, or its group is known to be incomplete.
// 2. What is kept is bounded in bytes: of what does not fit the group's coordinator is asked instead.
import type { TopicPartition } from '../client/topic-partition.ts'
import type { GroupCommit } from './group-commit.ts'

/** What was heard of a group since somebody looked. */
export interface GroupNews {
  readonly commits: ReadonlyMap<TopicPartition, GroupCommit>
  /** Its coordinator is to be asked for everything. */
  readonly isIncomplete: boolean
}

const BYTES_MAX = 8 * 1024 * 1024
/** What a commit takes beside its strings. */
const COMMIT_BYTES = 200

export class CommitNews {
  #groups = new Map<string, { readonly commits: Map<TopicPartition, GroupCommit>; isIncomplete: boolean }>()
  #bytes = 0

  get isEmpty(): boolean {
    return this.#groups.size === 0
  }

  has(group: string): boolean {
    return this.#groups.has(group)
  }

  note(source: TopicPartition, commit: GroupCommit): void {
    const news = this.#of(commit.group)
    if (news.isIncomplete) return
    const bytes = COMMIT_BYTES + (commit.position?.metadata.length ?? 0)
    if (this.#bytes + bytes > BYTES_MAX) {
      news.commits.clear()
      news.isIncomplete = true
      return
    }
    this.#bytes += bytes
    news.commits.set(source, commit)
  }

  /** Something was committed that could not be heard. */
  missed(group: string): void {
    this.#of(group).isIncomplete = true
  }

  /** All that the group has committed is about to be known. */
  forget(group: string): void {
    this.#groups.delete(group)
  }

  take(): ReadonlyMap<string, GroupNews> {
    const taken = this.#groups
    this.#groups = new Map()
    this.#bytes = 0
    return taken
  }

  #of(group: string) {
    let news = this.#groups.get(group)
    if (!news) {
      news = { commits: new Map(), isIncomplete: false }
      this.#groups.set(group, news)
    }
    return news
  }
}
