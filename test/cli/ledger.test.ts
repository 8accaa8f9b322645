import { describe, expect, it } from 'vitest'
import { idText, Ledger, parseId } from '../../src/cli/demo/ledger.ts'

const log = { origin: 'east', topic: 'orders', partition: 0 }

function ledgerOf(acknowledged: number): Ledger {
  const ledger = new Ledger()
  for (let sequence = 0; sequence < acknowledged; sequence++) ledger.acknowledge({ ...log, sequence })
  return ledger
}

describe("the demo's ledger", () => {
  it('finds a copy that is equal without fault, also when it holds more than was acknowledged', () => {
    expect(ledgerOf(3).compare(log, [0, 1, 2])).toEqual({ records: 3, missing: 0, duplicated: 0, reordered: 0 })
    expect(ledgerOf(3).compare(log, [0, 1, 2, 3])).toMatchObject({ missing: 0, duplicated: 0, reordered: 0 })
  })

  it('counts what is missing, twice there, or out of order', () => {
    expect(ledgerOf(4).compare(log, [0, 3])).toMatchObject({ missing: 2 })
    expect(ledgerOf(2).compare(log, [0, 1, 1, 0])).toMatchObject({ duplicated: 2 })
    expect(ledgerOf(3).compare(log, [0, 2, 1])).toMatchObject({ reordered: 1, missing: 0 })
  })

  it('counts what a group skips and what it reads again', () => {
    const ledger = ledgerOf(10)
    for (const sequence of [0, 1, 4, 3, 4, 5]) ledger.process('billing', { ...log, sequence })
    expect(ledger.account('billing')).toEqual({ group: 'billing', processed: 6, reread: 2, skipped: 2 })
    expect(ledger.caughtUp('billing', log)).toBe(false)
    for (const sequence of [6, 7, 8, 9]) ledger.process('billing', { ...log, sequence })
    expect(ledger.caughtUp('billing', log)).toBe(true)
  })

  it('writes ids that it can read back', () => {
    expect(parseId(idText({ ...log, sequence: 12 }))).toEqual({ ...log, sequence: 12 })
    expect(parseId('nonsense')).toBeUndefined()
  })
})
