import { describe, expect, test } from 'vitest'
import { type GroupCommit, GroupCommitReader } from '../../src/offset-translation/group-commit.ts'
import { encodeVersioned } from '../../src/protocol/codec.ts'
import { offsetCommitKey, offsetCommitValue } from '../../src/protocol/messages/offset-commit-record.ts'
import { buildBatch, type RecordInput } from '../../src/records/batch-builder.ts'
import { RecordBatch } from '../../src/records/record-batch.ts'
import { RecordsError } from '../../src/records/records-error.ts'

function commit(group: string, topic: string, partition: number, offset: number | undefined, version = 4): RecordInput {
  const value = { offset: offset ?? 0, metadata: `${group} was here`, commitTimestamp: 5 }
  return {
    timestamp: 5,
    key: encodeVersioned(offsetCommitKey, 1, { group, topic, partition }),
    value: offset === undefined ? null : encodeVersioned(offsetCommitValue, version, value),
  }
}

function read(records: readonly RecordInput[], from = 0, reader = new GroupCommitReader()): GroupCommit[] {
  const commits: GroupCommit[] = []
  reader.read(new RecordBatch(buildBatch(records, { baseOffset: 100 })), from, (one) => commits.push(one))
  return commits
}

const brief = ({ group, topic, partition, position }: GroupCommit) =>
  `${group} ${topic}-${partition} ${position?.offset} ${position?.metadata}`

describe('commits in `__consumer_offsets`', () => {
  test('are read in their order, by neighbours of one name and of others, and deletions with them', () => {
    const commits = read([
      commit('billing', 'orders', 0, 7),
      commit('billing', 'orders', 1, 8),
      commit('billinx', 'orders', 1, 9),
      commit('bill', 'ingorders', 300, 10),
      commit('billing', 'orders', 1, undefined),
      commit('é', 'tö', 2, 2 ** 40),
    ])
    expect(commits.map(brief)).toEqual([
      'billing orders-0 7 billing was here',
      'billing orders-1 8 billing was here',
      'billinx orders-1 9 billinx was here',
      'bill ingorders-300 10 bill was here',
      'billing orders-1 undefined undefined',
      'é tö-2 1099511627776 é was here',
    ])
  })

  test.each([0, 1, 2, 3, 4])('are read in value version %d', (version) => {
    expect(read([commit('billing', 'orders', 0, 7, version)]).map(brief)).toEqual([
      'billing orders-0 7 billing was here',
    ])
  })

  test('that were read before are left out', () => {
    const records = [0, 1, 2].map((offset) => commit('billing', 'orders', 0, offset))
    expect(read(records, 102).map(({ position }) => position?.offset)).toEqual([2])
  })

  test('stand between records of another kind, and some that nobody understands', () => {
    const good = commit('billing', 'orders', 0, 7)
    const key = good.key as Buffer
    const group = Buffer.from(key)
    group.writeInt16BE(2, 0)
    const beyond = Buffer.from(key)
    beyond.writeInt16BE(20_000, 2)
    const odd = [
      group,
      beyond,
      key.subarray(0, 9),
      Buffer.alloc(0),
      null,
      Buffer.from([0, 1, 255, 255, 0, 0, 0, 0, 0, 0]),
    ]
    const records: RecordInput[] = odd.map((each) => ({ ...good, key: each }))
    const values = [Buffer.alloc(0), Buffer.from([0]), Buffer.from([0, 99, 1]), (good.value as Buffer).subarray(0, 7)]
    records.push(...values.map((value) => ({ ...good, value })))
    expect(read([...records, good, ...records]).map(brief)).toEqual(['billing orders-0 7 billing was here'])
  })

  test('in a batch that is damaged are none, and that is said', () => {
    const bytes = buildBatch([commit('billing', 'orders', 0, 7)], { baseOffset: 0 })
    bytes[61] = 0x7f
    expect(() => new GroupCommitReader().read(new RecordBatch(bytes), 0, () => {})).toThrow(RecordsError)
  })
})
