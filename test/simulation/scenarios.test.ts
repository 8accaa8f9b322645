// Broker and mirror as they are, on simulated machines: whatever goes wrong, whenever, what the oracle says must hold holds. A failure
// prints the command that replays it.
import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { plantedBugs } from './planted-bugs.ts'
import { Invalid, play, playTwice } from './scenario.ts'
import { savedSeeds, scenarios } from './scenarios.ts'

const limitMs = 120_000
/** One that nobody has seen before, so that the suite sees a little more each time. */
const fresh = Math.floor(Math.random() * 2 ** 40)

it('docs/simulation.md names every scenario and every planted bug', () => {
  const page = readFileSync(new URL('../../docs/simulation.md', import.meta.url), 'utf8')
  const missing = [...scenarios.map(({ name }) => `\`${name}\``), ...plantedBugs.map(({ name }) => `| ${name} |`)]
  expect(missing.filter((text) => !page.includes(text))).toEqual([])
})

describe.each(scenarios.map((scenario) => [scenario.name, scenario] as const))('%s', (name, scenario) => {
  it.each([1, ...(savedSeeds[name] ?? [])])(
    `${scenario.shows}; and the same seed is the same run (seed %i)`,
    { timeout: limitMs },
    async (seed) => {
      expect((await playTwice(scenario, seed)).records).toBeGreaterThan(0)
    },
  )

  it(`the same with a fresh seed (${fresh})`, { timeout: limitMs }, async () => {
    // Where by chance nothing went wrong that should have, nothing is shown: the next one is played.
    const next = (error: Error) => {
      if (!(error instanceof Invalid)) throw error
      return play(scenario, fresh + 1)
    }
    const { bites } = await play(scenario, fresh).catch(next)
    expect(bites.size).toBeGreaterThan(0)
  })
})
