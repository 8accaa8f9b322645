// UpdateFeatures, and what ApiVersions tells of it.
import { expect, it } from 'vitest'
import type { Connection } from '../../../src/client/connection.ts'
import { ErrorCode } from '../../../src/protocol/errors.ts'
import { apiVersions } from '../../../src/protocol/messages/api-versions.ts'
import { updateFeatures } from '../../../src/protocol/messages/update-features.ts'
import { embeddedCluster } from '../embedded-cluster.ts'

const UPGRADE = 1
const SAFE = 2
const UNSAFE = 3

async function finalized(connection: Connection): Promise<Record<string, number>> {
  const software = { clientSoftwareName: 'test', clientSoftwareVersion: '1' }
  const { finalizedFeatures } = await connection.send(apiVersions, software)
  return Object.fromEntries(finalizedFeatures.map(({ name, maxVersionLevel }) => [name, maxVersionLevel]))
}

async function update(
  connection: Connection,
  updates: [feature: string, maxVersionLevel: number, upgradeType: number][],
  validateOnly = false,
) {
  const featureUpdates = updates.map(([feature, maxVersionLevel, upgradeType]) => {
    return { feature, maxVersionLevel, upgradeType }
  })
  return await connection.send(updateFeatures, { featureUpdates, validateOnly })
}

const connected = async () => (await embeddedCluster()).connect()

it('lowers and raises levels, all or none, and not at all when it only validates', async () => {
  const connection = await connected()
  const before = await finalized(connection)
  expect(before).toMatchObject({ 'group.version': 1, 'metadata.version': 30, 'transaction.version': 2 })
  expect(await update(connection, [['group.version', 0, SAFE]], true)).toMatchObject({ errorCode: 0 })
  expect(
    await update(connection, [
      ['group.version', 0, SAFE],
      ['no.such', 1, UPGRADE],
    ]),
  ).toMatchObject({ errorCode: ErrorCode.INVALID_UPDATE_VERSION })
  expect(await finalized(connection)).toEqual(before)
  await update(connection, [
    ['group.version', 0, SAFE],
    ['transaction.version', 1, UNSAFE],
  ])
  expect(await finalized(connection)).toEqual({ 'metadata.version': 30, 'share.version': 1, 'transaction.version': 1 })
  await update(connection, [['transaction.version', 2, UPGRADE]])
  expect(await finalized(connection)).toMatchObject({ 'transaction.version': 2 })
})

it('names each feature to clients before version 2, of which the first know only of downgrades', async () => {
  const connection = await connected()
  const featureUpdates = [{ feature: 'transaction.version', maxVersionLevel: 1, allowDowngrade: true }]
  expect(await connection.send(updateFeatures, { featureUpdates }, { version: 0 })).toMatchObject({
    errorCode: 0,
    results: [{ feature: 'transaction.version', errorCode: 0 }],
  })
})

const REFUSED: readonly [string, [string, number, number], string][] = [
  ['an unknown feature', ['no.such', 1, UPGRADE], 'Local controller 1 does not support this feature.'],
  ['a level above what is known', ['transaction.version', 9, UPGRADE], 'Local controller 1 only supports versions 0-2'],
  ['a level below what is known', ['metadata.version', 1, SAFE], 'Local controller 1 only supports versions 7-30'],
  ['an upgrade that lowers', ['transaction.version', 1, UPGRADE], "Can't downgrade the version of this feature"],
  ['a downgrade that raises', ['transaction.version', 2, SAFE], "Can't downgrade to a newer version."],
  ['a negative level', ['transaction.version', -1, SAFE], 'A feature version cannot be less than 0.'],
  ['an unknown kind of update', ['transaction.version', 1, 9], 'does not support the given upgrade type.'],
  ['older metadata', ['metadata.version', 27, SAFE], 'it might delete metadata information.'],
  ['older metadata at any price', ['metadata.version', 27, UNSAFE], 'is not supported in this version.'],
]

it.each(REFUSED)('refuses %s', async (_what, wanted, message) => {
  const connection = await connected()
  if (wanted[0] === 'transaction.version' && wanted[1] === 2)
    await update(connection, [['transaction.version', 1, SAFE]])
  const answer = await update(connection, [wanted])
  expect(answer.errorCode).toBe(ErrorCode.INVALID_UPDATE_VERSION)
  expect(answer.errorMessage).toContain(message)
  expect(answer.errorMessage).toMatch(/^The update failed for all features since the following feature had an error: /)
})
