import type { Checker } from '../scenario.ts'

/** Lets time pass first, until what was left open has been ended for its age. */
export function after(ms: number): Checker {
  return async (world) => {
    await world.pass(ms)
    return []
  }
}
