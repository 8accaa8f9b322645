// Bugs that are put into the broker's log on purpose.
import { SegmentFile } from '../../src/broker/log/open-files.ts'
import { ProducerEntry } from '../../src/broker/log/producer-entry.ts'
import { Segment } from '../../src/broker/log/segment.ts'
import { SnapshotFiles } from '../../src/broker/log/snapshot-files.ts'
import { RecordBatch } from '../../src/records/record-batch.ts'
import { b01 } from './drills/b01-torn-tail.ts'
import { b02 } from './drills/b02-disk-fails.ts'
import { b05 } from './drills/b05-crash-in-a-change.ts'
import { b11 } from './drills/b11-idempotence.ts'
import { type PlantedBug, replaced } from './planted-bug.ts'

const [ofOne] = b11 as [(typeof b11)[number]]

export const logBugs: readonly PlantedBug[] = [
  {
    name: 'what does not match its CRC is kept when a log is opened',
    scenario: b01,
    finds: /mutated at|phantom at|unreadable at/,
    seed: 1,
    plant: () => replaced(RecordBatch.prototype, 'crcIsValid', () => () => true),
  },
  {
    name: 'a torn batch is left at the end of the log',
    scenario: b01,
    finds: /lost at|phantom at|unreadable at/,
    seed: 1,
    plant: () =>
      replaced(
        Segment.prototype,
        'cutRest',
        (original) =>
          function (this: Segment) {
            original.call(this, 0)
          },
      ),
  },
  {
    name: 'a sync that fails is not noticed',
    scenario: b02,
    finds: /lost at|torn at|offset-conflict at|reading __\w+ at \d+ failed/,
    seed: 6,
    plant: () =>
      replaced(
        SegmentFile.prototype,
        'sync',
        (original) =>
          function (this: SegmentFile) {
            try {
              original.call(this)
            } catch {}
          },
      ),
  },
  {
    name: 'a compaction removes the old before the new has a name that lasts',
    scenario: b05,
    finds: /lost at/,
    seed: 3,
    plant: () =>
      replaced(
        Segment.prototype,
        'rename',
        (original) =>
          function (this: Segment, suffix) {
            if (suffix === '') original.call(this, suffix)
          },
      ),
  },
  {
    name: 'a snapshot holds the last batch of each producer alone, as Kafka does',
    scenario: ofOne,
    finds: /refused at/,
    seed: 2,
    plant: () =>
      replaced(
        SnapshotFiles.prototype,
        'take',
        (original) =>
          function (this: SnapshotFiles, offset, entries) {
            const last = [...entries].map((entry) => {
              const copy = entry.copy()
              copy.batches = copy.batches.slice(-1)
              return copy
            })
            original.call(this, offset, last)
          },
      ),
  },
  {
    name: 'what comes again is not known',
    scenario: ofOne,
    finds: /refused at|duplicate at/,
    seed: 1,
    plant: () => replaced(ProducerEntry.prototype, 'duplicateOf', () => () => undefined),
  },
]
