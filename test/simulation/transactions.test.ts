// The real broker and its transaction coordinator on a simulated machine that is killed, with producers that die, stall and send late.
import { describe, expect, it } from 'vitest'
import { MarkerWriter } from '../../src/broker/coordinator/transaction/marker-writer.ts'
import { TransactionMachine } from '../../src/broker/coordinator/transaction/transaction-machine.ts'
import { ProducerState } from '../../src/broker/log/producer-state.ts'
import { firstFailure, plant } from './planted-bug.ts'
import { type TransactionPlay, TransactionWorld } from './transaction-world.ts'

const SECONDS = 60
const limitMs = 120_000
const freshSeeds = Array.from({ length: 5 }, () => Math.floor(Math.random() * 2 ** 40))

const play = (seed: number, options: Partial<TransactionPlay> = {}) =>
  new TransactionWorld(seed).play({ seconds: SECONDS, ...options }).catch((error: Error) => {
    const replay = `npm run simulate -- --world ${options.losesPower ? 'power' : 'transactions'} --first ${seed} --seeds 1 --seconds ${SECONDS}`
    throw new Error(`${error.message}\nreplay it: ${replay}`, { cause: error })
  })

describe('transactions through disasters', () => {
  it.each(freshSeeds)(
    'are whole or not at all, and none holds its readers for ever (seed %i)',
    { timeout: limitMs },
    async (seed) => {
      const { fates, kills } = await play(seed)
      expect(kills).toBeGreaterThan(3)
      expect(fates.committed).toBeGreaterThan(50)
      expect(fates.open + fates.committing).toBeGreaterThan(3)
    },
  )

  it.each(freshSeeds.slice(0, 3))(
    'outlive the power of a broker that syncs what it acknowledges (seed %i)',
    { timeout: limitMs },
    async (seed) => {
      const { kills } = await play(seed, { losesPower: true, syncs: true })
      expect(kills).toBeGreaterThan(3)
    },
  )

  it('are the same run again for the same seed', { timeout: limitMs }, async () => {
    expect((await play(freshSeeds[0]!)).trace).toEqual((await play(freshSeeds[0]!)).trace)
  })
})

describe('the check finds', () => {
  it('a broker that loses its power and does not sync', { timeout: limitMs }, async () => {
    expect(await firstFailure((seed) => play(seed, { losesPower: true }))).toMatch(/is seen in|holds its readers/)
  })

  it('a decision whose markers are forgotten', { timeout: limitMs }, async () => {
    let decisions = 0
    plant(
      MarkerWriter.prototype,
      'follow',
      (original) =>
        function (this: MarkerWriter, record) {
          if (record.value?.state !== 'PrepareCommit' || ++decisions % 40 !== 0) original.call(this, record)
        },
    )
    expect(await firstFailure((seed) => play(seed))).toMatch(/holds its readers|is committed: .* seen in none/)
  })

  it('a coordinator that forgets, in a restart, what it had decided', { timeout: limitMs }, async () => {
    plant(
      TransactionMachine.prototype,
      'loaded',
      (original) =>
        function (this: TransactionMachine, nowMs) {
          original.call(this, nowMs)
          return { records: [], replies: [], timers: [] }
        },
    )
    expect(await firstFailure((seed) => play(seed))).toMatch(/holds its readers/)
  })

  it('a coordinator and a log that let the dead go on writing', { timeout: limitMs }, async () => {
    plant(
      TransactionMachine.prototype,
      'handle',
      (original) =>
        function (this: TransactionMachine, id, command, nowMs) {
          const effects = original.call(this, id, command, nowMs)
          if (command.type !== 'add-partitions') return effects
          return { ...effects, replies: effects.replies.map((one) => ({ ...one, reply: { errorCode: 0 } })) }
        },
    )
    plant(
      ProducerState.prototype,
      'check',
      (original) =>
        function (this: ProducerState, batches) {
          return original.call(this, batches, 'replication')
        },
    )
    expect(await firstFailure((seed) => play(seed))).toMatch(/holds its readers|is seen in/)
  })
})
