import { expect, test } from 'vitest'
import type { ClusterClient } from '../../src/client/cluster-client.ts'
import { ErrorCode } from '../../src/protocol/errors.ts'
import { ConfigWriter } from '../../src/sink/config-writer.ts'

interface Asked {
  readonly resources: readonly {
    readonly resourceName: string
    readonly configs: readonly { readonly name: string }[]
  }[]
}

/** A target that refuses these configs, as Kafka does: all of a topic for the sake of one. */
function target(refuses: readonly string[], errorCode: number = ErrorCode.INVALID_CONFIG) {
  const asked: string[] = []
  const send = async (_: unknown, { resources }: Asked) => ({
    responses: resources.map(({ resourceName, configs }) => {
      asked.push(`${resourceName}: ${configs.map(({ name }) => name).join()}`)
      const bad = configs.find(({ name }) => refuses.includes(name))
      return { resourceName, errorCode: bad ? errorCode : 0, errorMessage: bad ? `no ${bad.name} here` : null }
    }),
  })
  const client = { controller: async () => ({ send }) } as unknown as ClusterClient
  return { asked, writer: new ConfigWriter(client) }
}

const changes = (...names: string[]) => names.map((name) => ({ name, value: '1' }))

test('topics go together, and one refused value costs only itself', async () => {
  const { asked, writer } = target(['bad'])
  const refused = await writer.alter(
    new Map([
      ['t', changes('a', 'bad', 'c')],
      ['u', changes('a')],
      ['nothing', []],
    ]),
  )
  expect(refused).toEqual([{ topic: 't', name: 'bad', value: '1', reason: 'INVALID_CONFIG (no bad here)' }])
  expect(asked).toEqual(['t: a,bad,c', 'u: a', 't: a', 't: bad', 't: c'])
})

test('a topic that may not be altered is not asked for each of its configs', async () => {
  const { asked, writer } = target(['a'], ErrorCode.TOPIC_AUTHORIZATION_FAILED)
  const refused = await writer.alter(new Map([['t', changes('a', 'b')]]))
  expect(refused.map(({ name }) => name)).toEqual(['a', 'b'])
  expect(asked).toEqual(['t: a,b'])
})

test('a target that cannot answer for now is an error worth another try', async () => {
  const { writer } = target(['a'], ErrorCode.NOT_CONTROLLER)
  await expect(writer.alter(new Map([['t', changes('a')]]))).rejects.toMatchObject({ retriable: true })
})
