// What MirrorMaker's own integration tests ask of it, asked of heliostat, between embedded clusters and between two of Apache Kafka.
import { Kafka, logLevel } from 'kafkajs'
import { afterAll, afterEach, beforeAll, describe, test } from 'vitest'
import { AUTHORIZER } from '../broker/security/rights-ground.ts'
import { clientOf, testPlatform } from '../support/log-content.ts'
import { apache, grounds, type RunningGround, title } from './ground.ts'
import { acceptance } from './mirrormaker-acceptance.ts'
import { type Side, scenarios, World } from './mirrormaker-scenarios.ts'

const config = { 'authorizer.class.name': AUTHORIZER, 'super.users': 'User:ANONYMOUS' }
const startMs = 120_000
const caseMs = 60_000

describe.each(grounds)("MirrorMaker's scenarios", (ground) => {
  describe.skipIf(ground.reason)(title(`on ${ground.name}`, ground.reason), { timeout: caseMs }, () => {
    const running: RunningGround[] = []
    const sides: Side[] = []
    let world: World | undefined

    beforeAll(async () => {
      running.push(...(await Promise.all([ground.start(config), ground.start(config)])))
      for (const { bootstrap } of running) {
        const client = clientOf(bootstrap, testPlatform, bootstrap)
        const admin = new Kafka({ brokers: [bootstrap], logLevel: logLevel.NOTHING }).admin()
        await Promise.all([client.refresh(), admin.connect()])
        sides.push({ bootstrap, client, admin })
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

    if (ground === apache) acceptance(() => sides)

    for (const [index, { of, says, run }] of scenarios.entries())
      test(`${says} (${of})`, async () => {
        world = new World(sides[0]!, sides[1]!, `s${index}`)
        await run(world)
      })
  })
})
