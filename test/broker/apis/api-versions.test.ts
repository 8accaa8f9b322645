import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { internalApis, servedApis } from '../../../src/broker/apis/index.ts'
import { ErrorCode } from '../../../src/protocol/errors.ts'
import { apiVersions } from '../../../src/protocol/messages/api-versions.ts'
import { embeddedCluster } from '../embedded-cluster.ts'
import { rawConnection } from '../raw-connection.ts'

const software = { clientSoftwareName: 'test', clientSoftwareVersion: '1.0' }

it('lists what docs/protocol.md lists', async () => {
  const { connect } = await embeddedCluster()
  const { apiKeys } = await (await connect()).send(apiVersions, software)
  const [forClients, forNodes] = tablesOfProtocol()
  const names = new Map(servedApis.map(({ api }) => [api.key, api.name]))
  expect(forClients).toEqual(
    apiKeys.map(({ apiKey, minVersion, maxVersion }) => {
      return { key: apiKey, name: names.get(apiKey), min: minVersion, max: maxVersion }
    }),
  )
  expect(forNodes).toEqual(
    internalApis.slice(servedApis.length).map(({ api, minVersion, maxVersion }) => {
      return { key: api.key, name: api.name, min: minVersion, max: maxVersion }
    }),
  )
})

/** What clients are served, and what nodes are served besides. */
function tablesOfProtocol() {
  const page = readFileSync(join(import.meta.dirname, '../../../docs/protocol.md'), 'utf8')
  return page
    .split('| key | API |')
    .slice(1)
    .map((table) =>
      [...table.matchAll(/^\| (\d+) \| (\w+) \| (\d+)(?:–(\d+))? \|/gm)].map(([, key, name, min, max]) => ({
        key: Number(key),
        name,
        min: Number(min),
        max: Number(max ?? min),
      })),
    )
}

it('opens each API file with its key and versions', () => {
  for (const { api, minVersion, maxVersion } of internalApis) {
    const file = `${api.name.replace(/(?<!^)(?=[A-Z])/g, '-').toLowerCase()}.ts`
    const text = readFileSync(join(import.meta.dirname, '../../../src/broker/apis', file), 'utf8')
    const range = minVersion === maxVersion ? `version ${minVersion}` : `versions ${minVersion}–${maxVersion}`
    expect(text.slice(0, 120)).toContain(`// ${api.name} (key ${api.key}), ${range}`)
  }
})

it('answers a version that it lacks in the form of version 0, and goes on', async () => {
  const raw = await rawConnection(await embeddedCluster())
  // Version 99 of ApiVersions, correlation id 7; the body is of no known form.
  const answer = await raw.ask(Buffer.from('00120063000000070004746573740102ff', 'hex'))
  expect(answer.readInt32BE(0)).toBe(7)
  expect(answer.readInt16BE(4)).toBe(ErrorCode.UNSUPPORTED_VERSION)
  expect([answer.readInt32BE(6), answer.readInt16BE(10), answer.readInt16BE(12), answer.readInt16BE(14)]).toEqual([
    1, 18, 0, 4,
  ])
  const second = await raw.ask(Buffer.from('001200000000000800047465737400', 'hex'))
  expect(second.readInt16BE(4)).toBe(ErrorCode.NONE)
})

it('refuses a software name that is not one', async () => {
  const connection = await (await embeddedCluster()).connect()
  const answer = await connection.send(apiVersions, { ...software, clientSoftwareName: '-bad' }, { version: 3 })
  expect(answer.errorCode).toBe(ErrorCode.INVALID_REQUEST)
})
