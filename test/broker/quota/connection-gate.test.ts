import { expect, it } from 'vitest'
import { ConnectionGate, type ConnectionLimits } from '../../../src/broker/quota/connection-gate.ts'
import { FakeClock } from '../../support/fake-clock.ts'

/** A gate, and what has become of those that came, by name. */
function gateway(limits: Partial<ConnectionLimits> = {}) {
  const clock = new FakeClock()
  const held = { max: 2, maxOf: () => Number.POSITIVE_INFINITY, refuseAfterMs: () => 0, ...limits }
  const gate = new ConnectionGate(clock, () => held)
  const told: string[] = []
  const arrive = (name: string, ip = '10.0.0.1') => {
    const arrival = {
      ip,
      admit: () => told.push(`${name} in`),
      // A connection that is closed leaves of itself.
      close: () => {
        told.push(`${name} closed`)
        gate.left(arrival)
      },
    }
    gate.arrive(arrival)
    return { leave: () => gate.left(arrival) }
  }
  return { clock, gate, told, arrive, held }
}

it('lets those beyond the limit wait, and in again in the order in which they came', () => {
  const { told, arrive } = gateway()
  const [first, second] = [arrive('a'), arrive('b')]
  const impatient = arrive('c')
  arrive('d')
  expect(told).toEqual(['a in', 'b in'])
  impatient.leave()
  first.leave()
  expect(told).toEqual(['a in', 'b in', 'd in'])
  arrive('e')
  second.leave()
  // Leaving twice makes no second place.
  second.leave()
  arrive('f')
  expect(told).toEqual(['a in', 'b in', 'd in', 'e in'])
})

it('lets in more at once when the limit is raised', () => {
  const { gate, told, arrive, held } = gateway({ max: 0 })
  for (const name of ['a', 'b']) arrive(name)
  expect(told).toEqual([])
  held.max = 5
  gate.admitWaiting()
  expect(told).toEqual(['a in', 'b in'])
})

it('closes those beyond the limit of their address, and counts each address for itself', () => {
  const { told, arrive } = gateway({ max: 9, maxOf: (ip) => (ip === '10.0.0.1' ? 1 : 2) })
  const first = arrive('a')
  arrive('b')
  arrive('c', '10.0.0.2')
  first.leave()
  arrive('d')
  expect(told).toEqual(['a in', 'b closed', 'c in', 'd in'])
})

it('keeps those that come too fast waiting before it closes them, in nobody’s place', async () => {
  const { clock, told, arrive } = gateway({ max: 1, refuseAfterMs: (ip) => (ip === '10.0.0.9' ? 700 : 0) })
  const gone = arrive('hasty', '10.0.0.9')
  arrive('rash', '10.0.0.9')
  arrive('calm')
  gone.leave()
  await clock.advance(699)
  expect(told).toEqual(['calm in'])
  await clock.advance(1)
  expect(told).toEqual(['calm in', 'rash closed'])
  expect(clock.timers).toBe(0)
})

it('lets no more than fifty wait', () => {
  const { told, arrive } = gateway({ max: 0 })
  for (let come = 1; come <= 51; come++) arrive(`${come}`)
  expect(told).toEqual(['51 closed'])
})
