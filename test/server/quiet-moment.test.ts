import { expect, it } from 'vitest'
import { QuietMoment } from '../../src/server/quiet-moment.ts'

it('comes once after each time of work', () => {
  const quiet = new QuietMoment(10)
  const reached = [
    [0, 0],
    [0, 9],
    [0, 10],
    [0, 99],
    [5, 100],
    [6, 105],
    [6, 114],
    [6, 115],
    [6, 200],
  ].filter(([records, nowMs]) => quiet.reached(records!, nowMs!))
  expect(reached).toEqual([
    [0, 10],
    [6, 115],
  ])
})
