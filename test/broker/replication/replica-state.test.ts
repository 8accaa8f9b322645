import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { ReplicaState } from '../../../src/broker/replication/replica-state.ts'
import { ErrorCode } from '../../../src/protocol/errors.ts'
import { registrationOf, TestHosts } from './registration.ts'
import { play } from './transcript.ts'

const folder = new URL('transcripts/', import.meta.url)

describe('the replicas of a leader, told', () => {
  for (const name of readdirSync(folder)) {
    it(`plays ${name}`, () => {
      const script = readFileSync(new URL(name, folder), 'utf8')
      const played = play(script)
      if (process.env.UPDATE) writeFileSync(new URL(name, folder), played)
      else expect(played).toBe(script)
    })
  }
})

const step = fc.oneof(
  fc.record({ kind: fc.constant('append' as const), count: fc.integer({ min: 1, max: 5 }) }),
  fc.record({ kind: fc.constant('fetch' as const), id: fc.constantFrom(2, 3), behind: fc.integer({ min: 0, max: 4 }) }),
  fc.record({ kind: fc.constant('pass' as const), ms: fc.integer({ min: 1, max: 40_000 }) }),
  fc.record({ kind: fc.constant('shrink' as const) }),
  fc.record({ kind: fc.constant('answer' as const), outcome: fc.constantFrom('NONE', 'LOST', 'INELIGIBLE_REPLICA') }),
)

describe('ReplicaState', () => {
  it('never commits what somebody lacks whom the controller may elect', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        const state = new ReplicaState(
          registrationOf(),
          { nodeId: 1, hosts: new TestHosts(), lagTimeMaxMs: 30_000 },
          { logEndOffset: 0, nowMs: 0 },
        )
        let nowMs = 0
        let logEndOffset = 0
        let highWatermark = 0
        const ends = new Map([
          [2, 0],
          [3, 0],
        ])
        // What the controller holds, whether the leader knows it or not.
        let elected: readonly number[] = [1, 2, 3]
        let proposal: ReturnType<ReplicaState['shrink']>
        const moment = () => ({ logEndOffset, nowMs })
        for (const one of steps) {
          if (one.kind === 'append') logEndOffset += one.count
          else if (one.kind === 'pass') nowMs += one.ms
          else if (one.kind === 'fetch') {
            const fetchOffset = Math.max(ends.get(one.id)!, logEndOffset - one.behind)
            ends.set(one.id, fetchOffset)
            state.fetched(one.id, { fetchOffset, logStartOffset: 0, brokerEpoch: 0 }, moment())
            proposal = state.expand(one.id, highWatermark) ?? proposal
          } else if (one.kind === 'shrink') proposal = state.shrink(moment()) ?? proposal
          else if (proposal && state.awaited === proposal) {
            const isr = proposal.isr.map(({ brokerId }) => brokerId)
            const { leaderEpoch, partitionEpoch } = proposal
            if (one.outcome !== 'INELIGIBLE_REPLICA') elected = isr
            if (one.outcome !== 'LOST') {
              const errorCode = ErrorCode[one.outcome as 'NONE']
              state.answered(proposal, { errorCode, isr, leaderEpoch, partitionEpoch: partitionEpoch + 1 })
            } else {
              // Done, though the leader does not hear of it yet.
              expect(state.maximalIsr.size).toBeGreaterThanOrEqual(isr.length)
            }
          }
          highWatermark = Math.max(highWatermark, state.highWatermark(moment(), 1) ?? 0)
          for (const id of elected) expect(ends.get(id) ?? logEndOffset).toBeGreaterThanOrEqual(highWatermark)
        }
      }),
      { numRuns: 300 },
    )
  })
})
