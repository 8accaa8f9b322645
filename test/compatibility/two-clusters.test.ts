// All that is asked between two clusters of a kind, so that they start once: groups that are brought over, what MirrorMaker's own
// integration tests ask of it, and on Apache Kafka what needs a real MirrorMaker, or a real cluster on one side.
import { Kafka, logLevel } from 'kafkajs'
import { afterAll, afterEach, beforeAll, describe, test } from 'vitest'
import { AUTHORIZER } from '../broker/security/rights-ground.ts'
import { clientOf, testPlatform } from '../support/log-content.ts'
import { apache, grounds, type RunningGround, title } from './ground.ts'
import { groupOffsets } from './group-offsets.ts'
import { inStep } from './in-step.ts'
import { acceptance } from './mirrormaker-acceptance.ts'
import { type Side, scenarios, World } from './mirrormaker-scenarios.ts'

const config = { 'authorizer.class.name': AUTHORIZER, 'super.users': 'User:ANONYMOUS' }
const startMs = 120_000
const caseMs = 60_000

describe.each(grounds)('two clusters', (ground) => {
  describe.skipIf(ground.reason)(title(`of ${ground.name}`, ground.reason), { timeout: caseMs }, () => {
    const running: RunningGround[] = []
    const sides: Side[] = []
    let world: World | undefined

    beforeAll(async () => {
      running.push(...(await Promise.all([1, 2].map(() => ground.start(config, { secure: true })))))
      for (const { bootstrap, tls, sasl } of running) {
        const client = clientOf(bootstrap, testPlatform, bootstrap)
        const admin = new Kafka({ brokers: [bootstrap], logLevel: logLevel.NOTHING }).admin()
        await Promise.all([client.refresh(), admin.connect()])
        sides.push({ bootstrap, client, admin, tls: tls!, sasl: sasl! })
      }
    }, startMs)

    afterEach(async () => {
      await world?.end()
      world = undefined
    })

    afterAll(async () => {
      await Promise.all(sides.map(({ admin }) => admin.disconnect()))
      for (const { client } of sides) client.close()
      await Promise.all(running.map((cluster) => cluster.stop()))
    })

    groupOffsets(ground, () => running)

    if (ground === apache) {
      acceptance(() => sides)
      inStep(config, () => running[0]!)
    }

    describe("MirrorMaker's scenarios", () => {
      for (const [index, { of, says, run }] of scenarios.entries())
        test(`${says} (${of})`, async () => {
          world = new World(sides[0]!, sides[1]!, `s${index}`)
          await run(world)
        })
    })
  })
})
