// Keeps the access rules of the copies in step with their sources'. Kafka does not tell who made a rule, so those made here are noted
// in `heliostat.<source>.acls.internal`, and only rules that are noted there are ever removed.
//
// Invariants:
// 1. A rule is noted before it is made: a crash in between leaves a note without a rule, which the next pass makes or forgets.
// 2. A rule that was there when we came is not noted, and so stays, whatever becomes of its source.
// 3. A cluster without an authorizer, or one that may not be asked, changes nothing.
import { ACL_RESOURCE, type Acl, makeAcls, type RefusedAcl, readAcls, removeAcls } from '../client/acls.ts'
import type { ClusterClient } from '../client/cluster-client.ts'
import { readLog } from '../client/log-reader.ts'
import { OffsetLookup } from '../client/offset-lookup.ts'
import { TopicPartition } from '../client/topic-partition.ts'
import { InternalTopic } from '../offset-translation/internal-topic.ts'
import type { Platform } from '../platform/platform.ts'
import { type AclChanges, type AclRules, aclChanges, aclOf, aclsOfCopies, aclText } from './acl-rules.ts'

export interface AclSyncOptions {
  /** Of the flow: flows of one pair share the topic of notes. */
  readonly flow: string
  readonly source: ClusterClient
  readonly target: ClusterClient
  /** Topic of the notes. */
  readonly notesTopic: string
  /** What is mirrored at the moment. */
  readonly rules: () => Promise<AclRules>
}

const NOTED = Buffer.from('{"version":1}')

export class AclSync {
  readonly #platform: Platform
  readonly #options: AclSyncOptions
  readonly #notes: InternalTopic
  #refused: readonly RefusedAcl[] = []

  constructor(platform: Platform, options: AclSyncOptions) {
    this.#platform = platform
    this.#options = options
    this.#notes = new InternalTopic(platform, options.target, options.notesTopic)
  }

  /** Rules that the target refused in the last pass. */
  get refused(): readonly RefusedAcl[] {
    return this.#refused
  }

  /** What a pass would change; a sentence when there is nothing to compare. */
  async plan(): Promise<AclChanges | string> {
    const { source, target } = this.#options
    const [here, there] = await Promise.all([allRules(source), allRules(target)])
    if (!here) return `no authorizer is on at ${source.name}: there are no rules to carry`
    if (!there) return `no authorizer is on at ${target.name}: rules would have no meaning there`
    const wanted = aclsOfCopies(here, await this.#options.rules())
    return aclChanges(wanted, there, await this.#readNotes())
  }

  async sync(signal?: AbortSignal): Promise<string> {
    const plan = await this.plan()
    signal?.throwIfAborted()
    if (typeof plan === 'string') return plan
    const { target } = this.#options
    await this.#note(plan.make, NOTED) // invariant 1
    const refused = [...(await makeAcls(target, plan.make)), ...(await removeAcls(target, plan.remove))]
    const failed = new Set(refused.map(({ acl }) => aclText(acl)))
    const gone = [...plan.remove, ...plan.forget].filter((acl) => !failed.has(aclText(acl)))
    await this.#note(gone, null)
    for (const { acl, reason } of refused)
      this.#platform.log.warn('acls.refused', `an access rule was refused by the target: ${reason}`, { ...acl })
    this.#refused = refused
    return `${plan.make.length} rules made, ${plan.remove.length} removed, ${refused.length} refused`
  }

  async #note(acls: readonly Acl[], value: Buffer | null): Promise<void> {
    const records = acls.map((acl) => ({ key: Buffer.from(this.#key(acl)), value }))
    if (records.length > 0) await this.#notes.write(records)
  }

  #key(acl: Acl): string {
    return JSON.stringify(['acl', this.#options.flow, aclText(acl)])
  }

  async #readNotes(): Promise<Acl[]> {
    const { target, notesTopic, flow } = this.#options
    if (!target.topics().has(notesTopic)) await target.refresh()
    if (!target.topics().has(notesTopic)) return []
    const partition = TopicPartition.of(notesTopic, 0)
    const offsets = new OffsetLookup(this.#platform, target)
    const noted = new Map<string, Acl>()
    for await (const batch of readLog(target, partition, await offsets.range(partition)))
      for (const { key, value } of batch.records()) {
        const [kind, owner, text] = parsed(key)
        const acl = kind === 'acl' && owner === flow ? aclOf(String(text)) : undefined
        if (!acl) continue
        if (value === null) noted.delete(aclText(acl))
        else noted.set(aclText(acl), acl)
      }
    return [...noted.values()]
  }
}

async function allRules(client: ClusterClient): Promise<Acl[] | undefined> {
  const [topics, groups] = await Promise.all([
    readAcls(client, ACL_RESOURCE.TOPIC),
    readAcls(client, ACL_RESOURCE.GROUP),
  ])
  return topics && groups && [...topics, ...groups]
}

function parsed(key: Buffer | null): unknown[] {
  try {
    const value: unknown = JSON.parse(key?.toString() ?? '')
    return Array.isArray(value) ? value : []
  } catch {
    return []
  }
}
