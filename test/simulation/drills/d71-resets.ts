import { copiesAreExact } from '../checkers/copies.ts'
import { clustersKeepTheirWord } from '../checkers/words.ts'
import type { Faults, Scenario } from '../scenario.ts'
import { FLOW, oneWay, TOPICS } from '../topologies/one-way.ts'
import { asker } from '../workloads/asker.ts'
import { writer } from '../workloads/writer.ts'

const SHARE = 0.01
const RESET = 'a write was reset'
const IN_A_FRAME = 'closed inside a frame'
/** Frames of requests with records are larger than what comes with a handshake. */
const FRAME_BYTES_MIN = 150
const FRAMES = 12

/** One in a hundred writes ends its connection; then frames are cut off at a byte that is drawn. */
const resets: Faults = async (world, seconds) => {
  const { random } = world
  const mirror = world.mirror(FLOW)
  mirror.machine.kill()
  let isInFrames = false
  let cuts = 0
  mirror.ports = {
    verdict: (call, bytes) => {
      if (call === 'connect') return undefined
      if (!isInFrames) {
        if (!random.chance(SHARE)) return undefined
        world.bit(RESET)
        return 'fails'
      }
      if (cuts >= FRAMES || bytes < FRAME_BYTES_MIN || random.chance(0.8)) return undefined
      cuts++
      world.bit(IN_A_FRAME)
      return 1 + random.below(bytes - 1)
    },
  }
  mirror.start()
  await world.pass(seconds * 700)
  isInFrames = true
  await world.until(() => cuts >= FRAMES, 600_000)
  mirror.ports = undefined
}

export const d71: Scenario = {
  name: 'D71',
  shows: 'connections that are reset at any write and end at any byte of a frame mix nothing up',
  seconds: 60,
  topology: oneWay(),
  workloads: [writer({ to: 'east', topics: Object.keys(TOPICS) }), asker],
  faults: resets,
  checkers: [clustersKeepTheirWord, copiesAreExact],
  mustBite: [RESET, IN_A_FRAME],
}
