// The oracle is judged, too: every bug that is planted is found, by the seed that is known to find it. `npm run simulate -- --bugs`
// looks for them from seed 1 on.
import { expect, it, onTestFinished } from 'vitest'
import { plantedBugs } from './planted-bugs.ts'
import { play } from './scenario.ts'

it.each(plantedBugs)(
  'it is found when $name',
  { timeout: 60_000 },
  async ({ plant, scenario, seed, seconds, finds }) => {
    onTestFinished(plant())
    await expect(play(scenario, seed, { seconds })).rejects.toThrow(finds)
  },
)
