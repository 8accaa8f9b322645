// The metadata log knows at any time who votes by what is in it.
import { expect, it } from 'vitest'
import { LogDirectory } from '../../../src/broker/log/log-directory.ts'
import { METADATA_LOG_CONFIG, MetadataLog } from '../../../src/broker/raft/metadata-log.ts'
import { METADATA_TOPIC_ID } from '../../../src/broker/raft/raft-wire.ts'
import { SnapshotStore } from '../../../src/broker/raft/snapshot-store.ts'
import { bootstrapVoter, type VoterSet } from '../../../src/broker/raft/voter-set.ts'
import { memoryDisk } from '../../../src/platform/memory-disk.ts'
import { nodePlatform } from '../../../src/platform/node-platform.ts'

const voting = (...ids: number[]): VoterSet =>
  ids.map((id) => ({ ...bootstrapVoter(id), endpoints: [{ name: 'INTERNAL', host: `node-${id}`, port: id }] }))

it('follows what is appended, cut off, and there when it is opened again', () => {
  const platform = { ...nodePlatform({ log: { level: 'silent' } }), disk: memoryDisk() }
  const open = () => {
    const directory = LogDirectory.open(platform, '/data', { configOf: () => METADATA_LOG_CONFIG })
    const log = directory.getOrCreate('__cluster_metadata', 0, METADATA_TOPIC_ID)
    const snapshots = new SnapshotStore(platform.disk, log.directory)
    return { directory, log: new MetadataLog(log, snapshots, platform.clock, voting(1)) }
  }
  const first = open()
  const { voters } = first.log
  expect([voters.latest, voters.latestOffset]).toEqual([voting(1), -1])
  first.log.appendLeaderChange({ leaderId: 1, voters: [1], grantingVoters: [1] }, 1, voters.latest)
  first.log.appendVoters(voting(1, 2), 1)
  first.log.appendVoters(voting(1, 2, 3), 1)
  // The leader's change, kraft.version and the voters are one batch.
  expect([voters.latest, voters.previous, voters.latestOffset]).toEqual([voting(1, 2, 3), voting(1, 2), 4])
  first.log.truncateTo(4)
  expect([voters.latest, voters.below(3), voters.below(2)]).toEqual([voting(1, 2), voting(1), undefined])
  first.directory.close()
  const again = open()
  expect([again.log.voters.latest, again.log.voters.latestOffset]).toEqual([voting(1, 2), 3])
  again.log.appendVoters(voting(2), 2)
  expect(again.log.voters.latest).toEqual(voting(2))
  again.directory.close()
})
