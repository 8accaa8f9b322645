// AlterUserScramCredentials, DescribeUserScramCredentials, and what the metadata log keeps of a password.
import { createHash, createHmac, pbkdf2Sync } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, it, onTestFinished } from 'vitest'
import { SCRAM_MECHANISMS, scramCredential } from '../../../src/broker/security/scram-credential.ts'
import type { Connection } from '../../../src/client/connection.ts'
import { ErrorCode, type ErrorName } from '../../../src/protocol/errors.ts'
import { alterUserScramCredentials } from '../../../src/protocol/messages/alter-user-scram-credentials.ts'
import { describeUserScramCredentials } from '../../../src/protocol/messages/describe-user-scram-credentials.ts'
import { embeddedCluster } from '../embedded-cluster.ts'

const SHA_256 = 1
const SHA_512 = 2

const upsertion = (name: string, mechanism = SHA_256, iterations = 4096) => ({
  name,
  mechanism,
  iterations,
  salt: Buffer.from('salt'),
  saltedPassword: pbkdf2Sync('secret-of-alice', 'salt', iterations, 32, 'sha256'),
})

interface Change {
  deletions?: { name: string; mechanism: number }[]
  upsertions?: ReturnType<typeof upsertion>[]
}

async function alter(connection: Connection, { deletions = [], upsertions = [] }: Change) {
  const { results } = await connection.send(alterUserScramCredentials, { deletions, upsertions })
  return results
}

async function describe(connection: Connection, users: string[] | null) {
  const request = { users: users?.map((name) => ({ name })) ?? null }
  return (await connection.send(describeUserScramCredentials, request)).results
}

it('keeps what proves a password, as RFC 7677 has it', () => {
  const salt = Buffer.from('W22ZaJ0SNY7soEsUEjb6gQ==', 'base64')
  const credential = scramCredential(SCRAM_MECHANISMS[0]!, pbkdf2Sync('pencil', salt, 4096, 32, 'sha256'), salt, 4096)
  const nonce = 'rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0'
  const exchange = `n=user,r=rOprNGfwEbeRWgbNEkqO,r=${nonce},s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096,c=biws,r=${nonce}`
  const hmac = (key: Buffer) => createHmac('sha256', key).update(exchange).digest()
  expect(hmac(credential.serverKey).toString('base64')).toBe('6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=')
  const proof = Buffer.from('dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=', 'base64')
  const clientKey = proof.map((byte, at) => byte ^ hmac(credential.storedKey)[at]!)
  expect(createHash('sha256').update(clientKey).digest()).toEqual(credential.storedKey)
})

it('sets, replaces and deletes credentials, and remembers them after a restart, without a word of them in the log', async () => {
  const data = mkdtempSync(join(tmpdir(), 'scram-'))
  onTestFinished(() => rmSync(data, { recursive: true, force: true }))
  const first = await embeddedCluster({ data })
  const connection = await first.connect()
  expect(await alter(connection, { upsertions: [upsertion('alice'), upsertion('bob', SHA_512, 8192)] })).toEqual([
    { user: 'alice', errorCode: 0, errorMessage: null },
    { user: 'bob', errorCode: 0, errorMessage: null },
  ])
  await alter(connection, { upsertions: [upsertion('alice', SHA_512), upsertion('carol')] })
  await alter(connection, { upsertions: [upsertion('alice', SHA_256, 5000)] })
  await alter(connection, { deletions: [{ name: 'carol', mechanism: SHA_256 }] })
  await first.stop()
  const second = await embeddedCluster({ data })
  const all = await describe(await second.connect(), null)
  expect(all).toMatchObject([
    {
      user: 'alice',
      errorCode: 0,
      credentialInfos: [
        { mechanism: SHA_256, iterations: 5000 },
        { mechanism: SHA_512, iterations: 4096 },
      ],
    },
    { user: 'bob', errorCode: 0, credentialInfos: [{ mechanism: SHA_512, iterations: 8192 }] },
  ])
  const { saltedPassword } = upsertion('alice')
  const secrets = [saltedPassword.toString('hex'), saltedPassword.toString('base64'), 'salt', 'storedKey', 'serverKey']
  const logged = JSON.stringify([first.logged, second.logged])
  for (const secret of secrets) expect(logged).not.toContain(secret)
})

const REFUSED: readonly [string, Change, ErrorName][] = [
  ['no user name', { upsertions: [upsertion('')] }, 'UNACCEPTABLE_CREDENTIAL'],
  ['too few iterations', { upsertions: [upsertion('u', SHA_256, 4095)] }, 'UNACCEPTABLE_CREDENTIAL'],
  ['too many iterations', { upsertions: [upsertion('u', SHA_512, 16_385)] }, 'UNACCEPTABLE_CREDENTIAL'],
  ['an unknown mechanism', { upsertions: [upsertion('u', 7)] }, 'UNSUPPORTED_SASL_MECHANISM'],
  ['a deletion of an unknown mechanism', { deletions: [{ name: 'u', mechanism: 0 }] }, 'UNSUPPORTED_SASL_MECHANISM'],
  ['a deletion of what is not there', { deletions: [{ name: 'u', mechanism: SHA_256 }] }, 'RESOURCE_NOT_FOUND'],
  ['a user twice', { upsertions: [upsertion('u'), upsertion('u', SHA_512)] }, 'DUPLICATE_RESOURCE'],
  [
    'a user to be deleted and set',
    { deletions: [{ name: 'u', mechanism: SHA_256 }], upsertions: [upsertion('u')] },
    'DUPLICATE_RESOURCE',
  ],
]

it.each(REFUSED)('refuses %s, and changes nothing for that user', async (_what, change, error) => {
  const connection = await (await embeddedCluster()).connect()
  const answers = await alter(connection, { ...change, upsertions: [...(change.upsertions ?? []), upsertion('other')] })
  expect(answers.map(({ user, errorCode }) => [user, errorCode])).toEqual([
    [expect.any(String), ErrorCode[error]],
    ['other', 0],
  ])
  expect((await describe(connection, [])).map(({ user }) => user)).toEqual(['other'])
})

it('says of a user that it was asked for twice, or has nothing', async () => {
  const connection = await (await embeddedCluster()).connect()
  await alter(connection, { upsertions: [upsertion('alice')] })
  const answers = await describe(connection, ['alice', 'alice', 'nobody'])
  expect(answers).toMatchObject([
    { user: 'alice', errorCode: ErrorCode.DUPLICATE_RESOURCE, credentialInfos: [] },
    { user: 'nobody', errorCode: ErrorCode.RESOURCE_NOT_FOUND, credentialInfos: [] },
  ])
})
