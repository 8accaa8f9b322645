// Whoever leaves says goodbye in each slot of which nothing is under way any more: the next owner need not wait for what may arrive late.
import { expect, onTestFinished, test } from 'vitest'
import { Mirror } from '../../src/mirror/mirror.ts'
import { SlotLog } from '../../src/mirror/slot-log.ts'
import { batchOf } from '../broker/requests.ts'
import { expectCopied } from '../support/copied.ts'
import { eastAndWest } from '../support/east-west.ts'
import { appendBatch, clientOf, makeTopic, testPlatform } from '../support/log-content.ts'

const { source, target, east, west } = await eastAndWest()

test.each([
  { topic: 'calm', answersLost: 0, saysGoodbye: true },
  { topic: 'torn', answersLost: 1, saysGoodbye: false },
])('after $answersLost lost answers a mirror that is stopped says goodbye: $saysGoodbye', async (world) => {
  const { topic, answersLost, saysGoodbye } = world
  await makeTopic(east, topic, 1)
  const mirror = new Mirror(testPlatform, {
    flow: {
      name: `${topic}->west`,
      source: topic,
      target: 'west',
      topics: { include: [topic], exclude: [] },
      refreshMs: 50,
    },
    source: clientOf(source.bootstrap),
    target: clientOf(target.bootstrap),
    slots: 1,
  })
  onTestFinished(() => mirror.stop())
  if (answersLost > 0)
    target.faults.add({ api: 'Produce', topic: `${topic}.${topic}`, close: 'after', times: answersLost })
  await mirror.start()
  await appendBatch(east, topic, 0, batchOf(['a', 'b']))
  await expectCopied({ client: east, topic }, { client: west, topic: `${topic}.${topic}` })
  await mirror.stop()

  const { progressTopic } = mirror.policy
  await west.refresh()
  const next = new SlotLog(testPlatform, west, progressTopic, 0, () => {})
  onTestFinished(() => next.close())
  expect(await next.open({ ifVacant: false })).toMatchObject({ wasClosed: saysGoodbye })
})
