import type { Gap } from '../../src/mirror/gap.ts'
import type { SimMirror } from './sim-mirror.ts'
import type { World } from './world.ts'

/** What the mirror has written down as missing, for whoever asks after it is gone: by its keys, so each gap once. */
export async function reportedGaps(world: World, mirror: SimMirror): Promise<Gap[]> {
  const { records } = await world.outcome(mirror.to.read(mirror.current.policy.gapsTopic, 0))
  const gaps = new Map(records.map(({ key, value }) => [String(key), JSON.parse(String(value)) as Gap]))
  return [...gaps.values()]
}
