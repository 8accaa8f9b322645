// What goes wrong between machines.
import type { Fault } from './drawn.ts'

export function cut(one: string, other: string): Fault {
  return ({ simulation }) => {
    simulation.network.cut(one, other)
    return () => {
      simulation.network.mend(one, other)
      simulation.network.mend(other, one)
    }
  }
}

/** Nothing passes in one direction, drawn, and everything in the other. */
export function cutOneWay(one: string, other: string): Fault {
  return ({ simulation }) => {
    const [from, to] = simulation.random.chance(0.5) ? [one, other] : [other, one]
    simulation.network.cut(from, to, 'one-way')
    return () => simulation.network.mend(from, to)
  }
}

export function reset(one: string, other: string): Fault {
  return ({ simulation }) => (simulation.network.resetBetween(one, other) > 0 ? () => {} : undefined)
}

export function slow(one: string, other: string): Fault {
  return ({ simulation }) => {
    const path = simulation.network.path(one, other)
    const { latencyMs, jitterMs, bytesPerMs } = path
    Object.assign(path, { latencyMs: 800, jitterMs: 800, bytesPerMs: 20 })
    return () => Object.assign(path, { latencyMs, jitterMs, bytesPerMs })
  }
}

/** What the open connections of two machines carry comes late. */
export function hold(one: string, other: string): Fault {
  return ({ simulation }) => {
    const held = simulation.network.hold(one, other, simulation.random.between(100, 8_000))
    return held > 0 ? () => {} : undefined
  }
}
