// Apache Kafka with StandardAuthorizer, asked the same as our broker (test/broker/security/rights-rows.ts): who is served, and how the
// others are refused. Its users log in with SASL PLAIN.
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { rightsBroker } from '../broker/security/rights-broker.ts'
import { type AskAs, grant, look, makeWorld } from '../broker/security/rights-ground.ts'
import { type Row, rows, type World } from '../broker/security/rights-rows.ts'
import { eventually } from './gathering.ts'
import { apache, title } from './ground.ts'
import { countRules, type SecuredKafka, startSecuredKafka } from './secured-kafka.ts'

interface Case {
  readonly row: Row
  readonly who: string
  /** Index of the need that the user lacks; undefined: it has them all. */
  readonly missing: number | undefined
}

const NAMES: World = { topic: '', topicId: '', group: '', transaction: '', fresh: '' }

const cases: readonly Case[] = rows.flatMap((row, index) => {
  const lacking = row.needs(NAMES).map((_, missing) => ({ row, who: `user-${index}-${missing}`, missing }))
  return [...lacking, { row, who: `user-${index}`, missing: undefined }]
})

describe.skipIf(apache.reason)(title('rights on Apache Kafka', apache.reason), { timeout: 60_000 }, () => {
  let kafka: SecuredKafka
  const ask: AskAs = (...asked) => kafka.ask(...asked)

  beforeAll(async () => {
    kafka = await startSecuredKafka(['nobody', ...cases.map(({ who }) => who)])
  }, 60_000)

  afterAll(() => kafka?.stop())

  it.each(cases.map((one) => [describeCase(one), one] as const))('%s', async (_, { row, who, missing }) => {
    const world = await makeWorld(ask, `-${who}`)
    const needs = row.needs(world)
    const granted = needs.filter((_need, index) => index !== missing)
    await grant(ask, who, granted)
    await eventually(async () => expect(await countRules(ask, `User:${who}`)).toBe(granted.length))
    expect(await look(ask, row, who, world)).toEqual(missing === undefined ? row.served : needs[missing]!.refused)
  })

  it.each(rows.map((row) => [`${row.api.name} ${row.what}`.trim(), row] as const))(
    'answers %s without any right as our broker does',
    async (_, row) => {
      const { ask: ours } = await rightsBroker()
      const [world, ourWorld] = await Promise.all([makeWorld(ask, `-${rows.indexOf(row)}`), makeWorld(ours, '')])
      expect(await look(ours, row, 'nobody', ourWorld)).toEqual(await look(ask, row, 'nobody', world))
    },
  )
})

function describeCase({ row, missing }: Case): string {
  const asked = `${row.api.name} ${row.what}`.trim()
  if (missing === undefined) return `${asked}, with its rights`
  const { operation, resource } = row.needs(NAMES)[missing]!
  return `${asked}, without ${operation} on ${resource}`
}
