// Offsets that groups have committed, while the brokers that coordinate them die, stop, hang and are cut off: what was acknowledged is there
// before and after, and is never seen to go back.
import { expect, it } from 'vitest'
import type { ClusterClient } from '../../../src/client/cluster-client.ts'
import { sleep } from '../../../src/platform/platform.ts'
import { ErrorCode, errorOf } from '../../../src/protocol/errors.ts'
import { offsetCommit } from '../../../src/protocol/messages/offset-commit.ts'
import { offsetFetch } from '../../../src/protocol/messages/offset-fetch.ts'
import { BrokerWorld } from './broker-world.ts'

const TOPIC = 't'
const GROUPS = ['one', 'two', 'three']
const SECONDS = 50
const PAUSE_MS = 100

class CommittingGroup {
  readonly #client: ClusterClient
  readonly #groupId: string
  /** The last that was acknowledged; what came after it may or may not be there. */
  acknowledged = 0
  attempted = 0
  readonly wentBack: string[] = []

  constructor(client: ClusterClient, groupId: string) {
    this.#client = client
    this.#groupId = groupId
  }

  async commit(): Promise<void> {
    this.attempted++
    const partitions = [{ partitionIndex: 0, committedOffset: this.attempted, committedMetadata: null }]
    const topics = [{ name: TOPIC, partitions }]
    const connection = await this.#client.coordinator('group', this.#groupId)
    const answer = await connection.send(offsetCommit, { groupId: this.#groupId, memberId: '', topics }, { version: 8 })
    this.#accept(answer.topics[0]!.partitions[0]!.errorCode)
    this.acknowledged = this.attempted
  }

  /** What is there now; −1: nothing. */
  async fetch(): Promise<number> {
    const least = this.acknowledged
    const connection = await this.#client.coordinator('group', this.#groupId)
    const groups = [{ groupId: this.#groupId, topics: [{ name: TOPIC, partitionIndexes: [0] }] }]
    const answer = await connection.send(offsetFetch, { groups, requireStable: false }, { version: 8 })
    this.#accept(answer.groups[0]!.errorCode)
    const { committedOffset, errorCode } = answer.groups[0]!.topics[0]!.partitions[0]!
    this.#accept(errorCode)
    if (committedOffset < least) this.wentBack.push(`${this.#groupId} from ${least} to ${committedOffset}`)
    return committedOffset
  }

  forgetCoordinator(): void {
    this.#client.forgetCoordinator('group', this.#groupId)
  }

  #accept(errorCode: number): void {
    if (errorCode !== ErrorCode.NONE) throw new Error(errorOf(errorCode).name)
  }
}

async function drill(seed: number): Promise<{ acknowledged: number; refused: number }> {
  const world = new BrokerWorld(seed)
  await world.start(TOPIC, 1)
  const { simulation } = world
  const platform = world.platform('committer')
  const client = world.client(platform, 'committer')
  const groups = GROUPS.map((groupId) => new CommittingGroup(client, groupId))
  let isOver = false
  let refused = 0
  const work = async (group: CommittingGroup) => {
    while (!isOver) {
      try {
        await group.commit()
        await group.fetch()
      } catch {
        refused++
        group.forgetCoordinator()
      }
      await sleep(platform.clock, PAUSE_MS)
    }
  }
  for (const group of groups) void work(group)
  for (const end = simulation.now + SECONDS * 1000; simulation.now < end; ) {
    await simulation.pass(simulation.random.between(300, 4_000))
    await world.disturb()
  }
  isOver = true
  await world.settle()
  for (const group of groups) {
    group.forgetCoordinator()
    const there = await simulation.outcome(group.fetch())
    expect(there).toBeGreaterThanOrEqual(group.acknowledged)
    expect(there).toBeLessThanOrEqual(group.attempted)
    expect(group.wentBack).toEqual([])
  }
  client.close()
  await world.stop()
  return { acknowledged: groups.reduce((sum, { acknowledged }) => sum + acknowledged, 0), refused }
}

it('are there before and after, and never go back', async () => {
  for (const seed of [1, 2, 3]) {
    const { acknowledged, refused } = await drill(seed)
    expect(acknowledged).toBeGreaterThan(100)
    // It bit.
    expect(refused).toBeGreaterThan(0)
  }
}, 60_000)
