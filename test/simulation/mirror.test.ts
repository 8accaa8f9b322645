// The real broker and the real mirror on simulated machines: whatever is cut, killed, paused or slowed, and whenever, every record
// of the source is on the target once and in order, and every offset is translated exactly.
import { describe, expect, it } from 'vitest'
import { ProducerState } from '../../src/broker/log/producer-state.ts'
import { OffsetMap } from '../../src/offset-translation/offset-map.ts'
import { SimMachine } from '../../src/simulation/sim-machine.ts'
import { faults, MirrorWorld } from './mirror-world.ts'
import { firstFailure, plant } from './planted-bug.ts'

const SECONDS = 40
const limitMs = 120_000
const LATE = 'kill the mirror, whose last words come late'

/** Fresh ones in each run, so that the suite sees a little more each time; a failure names its seed. */
const freshSeeds = Array.from({ length: 6 }, () => Math.floor(Math.random() * 2 ** 40))
/** Those that once found something, or show something rare. */
const keptSeeds = [3, 104]

const play = (seed: number, means: Parameters<MirrorWorld['play']>[0]['faults'] = faults) =>
  new MirrorWorld(seed).play({ seconds: SECONDS, faults: means }).catch((error: Error) => {
    const replay = `npm run simulate -- --world mirror --first ${seed} --seeds 1 --seconds ${SECONDS}`
    throw new Error(`${error.message}\nreplay it: ${replay}`, { cause: error })
  })

describe('a mirror through disasters', () => {
  it.each([...keptSeeds, ...freshSeeds])(
    'loses, doubles and reorders nothing (seed %i)',
    { timeout: limitMs },
    async (seed) => {
      const { faults: bitten, records } = await play(seed)
      expect(records).toBeGreaterThan(500)
      expect([...bitten.values()].reduce((sum, count) => sum + count, 0)).toBeGreaterThan(5)
    },
  )

  it.each(freshSeeds.slice(0, 2))(
    'is not harmed by what dead ones still send (seed %i)',
    { timeout: limitMs },
    async (seed) => {
      const { faults: bitten } = await play(seed, { [LATE]: faults[LATE] })
      expect(bitten.get(LATE)).toBeGreaterThan(1)
    },
  )

  it('is the same run again for the same seed', { timeout: limitMs }, async () => {
    const [seed] = freshSeeds
    expect((await play(seed!)).trace).toEqual((await play(seed!)).trace)
  })
})

describe('the check finds', () => {
  it('a target that does not compare sequences', { timeout: limitMs }, async () => {
    plant(ProducerState.prototype, 'check', () => () => ({
      error: 0,
      message: '',
      duplicate: undefined,
      entries: new Map(),
      started: [],
      completed: [],
    }))
    expect(await firstFailure((seed) => play(seed, { [LATE]: faults[LATE] }))).toMatch(/records; at|not caught up/)
  })

  it('an offset that is translated to its neighbour', { timeout: limitMs }, async () => {
    plant(
      OffsetMap.prototype,
      'translate',
      (original) =>
        function (this: OffsetMap, upstream: number) {
          const found = original.call(this, upstream)
          return found !== undefined && upstream % 97 === 96 ? found + 1 : found
        },
    )
    expect(await firstFailure(play)).toMatch(/is translated to/)
  })

  it.each(['east', 'west'] as const)(
    'a broker that forgets what it acknowledged (%s)',
    { timeout: limitMs },
    async (name) => {
      plant(
        SimMachine.prototype,
        'kill',
        (original) =>
          function (this: SimMachine) {
            if (this.name === name) this.cutPower()
            else original.call(this)
          },
      )
      expect(await firstFailure(play)).toMatch(
        name === 'east' ? /lost \d+ acknowledged|not caught up|records; at/ : /not caught up/,
      )
    },
  )
})
