import type { Faults } from '../scenario.ts'
import type { Undo, World } from '../world.ts'

/** Does something that goes wrong; undefined when it did not bite. */
export type Fault = (world: World) => Undo | undefined

export interface Drawing {
  /** Between two faults, in milliseconds. */
  readonly every?: readonly [least: number, most: number]
  /** How long one lasts. */
  readonly lasting?: readonly [least: number, most: number]
}

/** One fault after the other, drawn from those given; several may last at once. */
export function drawn(faults: Readonly<Record<string, Fault>>, options: Drawing = {}): Faults {
  const { every = [200, 4_000], lasting = [100, 12_000] } = options
  const names = Object.keys(faults)
  return async (world, seconds) => {
    const { simulation, random } = world
    for (const end = simulation.now + seconds * 1000; simulation.now < end; ) {
      await simulation.pass(random.between(...every))
      const name = random.pick(names)
      const undo = faults[name]!(world)
      if (!undo) continue
      world.bit(name)
      world.undoAfter(random.between(...lasting), undo)
    }
  }
}
