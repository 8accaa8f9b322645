import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, it, onTestFinished } from 'vitest'
import { startCluster } from '../../../src/broker/cluster.ts'
import { parseScramUser } from '../../../src/broker/security/scram-user.ts'
import { nodePlatform } from '../../../src/platform/node-platform.ts'
import { alterUserScramCredentials } from '../../../src/protocol/messages/alter-user-scram-credentials.ts'
import { saltedPassword } from '../../../src/protocol/scram.ts'
import { securedCluster } from '../listeners/secured-cluster.ts'

const SCRAM_LISTENER = {
  listeners: 'PLAINTEXT://:0,SASL_PLAINTEXT://:0',
  'sasl.enabled.mechanisms': 'SCRAM-SHA-256,SCRAM-SHA-512',
  'connection.failed.authentication.delay.ms': 0,
}
const addScram = ['SCRAM-SHA-256=[name=alice,password=first]', 'SCRAM-SHA-512=[name=alice,password=other]']
const login = (password: string, mechanism: 'scram-sha-256' | 'scram-sha-512' = 'scram-sha-256') => {
  return { sasl: { mechanism, username: 'alice', password } } as const
}

it('lets users in with whom the cluster was started, each mechanism with its own password', async () => {
  const cluster = await securedCluster(SCRAM_LISTENER, { addScram })
  await cluster.open('SASL_PLAINTEXT', login('first'))
  await cluster.open('SASL_PLAINTEXT', login('other', 'scram-sha-512'))
  for (const wrong of [login('other'), login('first', 'scram-sha-512')]) {
    await expect(cluster.open('SASL_PLAINTEXT', wrong)).rejects.toMatchObject({ code: 'HEL_AUTHENTICATION' })
  }
  expect(JSON.stringify(cluster.logged)).not.toMatch(/first|other/)
})

it('keeps a password that was changed meanwhile', async () => {
  const data = mkdtempSync(join(tmpdir(), 'heliostat-scram-'))
  onTestFinished(() => rmSync(data, { recursive: true, force: true }))
  const first = await securedCluster(SCRAM_LISTENER, { addScram, data })
  const salt = Buffer.from('salt of a salt')
  const salted = await saltedPassword('sha256', 'changed', salt, 4096)
  const upsertions = [{ name: 'alice', mechanism: 1, iterations: 4096, salt, saltedPassword: salted }]
  await (await first.open('PLAINTEXT')).send(alterUserScramCredentials, { deletions: [], upsertions })
  await first.open('SASL_PLAINTEXT', login('changed'))
  await first.stop()
  const second = await securedCluster(SCRAM_LISTENER, { addScram, data })
  await second.open('SASL_PLAINTEXT', login('changed'))
  await expect(second.open('SASL_PLAINTEXT', login('first'))).rejects.toMatchObject({ code: 'HEL_AUTHENTICATION' })
})

it('reads what kafka-storage reads', () => {
  const text = 'SCRAM-SHA-512=[name=alice, iterations=8192,salt="MWx2NHBkbnc0ZndxN25vdGN4bTB5Y3k=",password="a,b]c=d"]'
  expect(parseScramUser(text)).toMatchObject({
    mechanism: { name: 'SCRAM-SHA-512' },
    name: 'alice',
    password: 'a,b]c=d',
    iterations: 8192,
    salt: Buffer.from('1lv4pdnw4fwq7notcxm0ycy'),
  })
})

it.each([
  ['no list', 'alice:canary', /is not MECHANISM=/],
  ['another mechanism', 'PLAIN=[name=a,password=canary]', /PLAIN is none of SCRAM-SHA-256/],
  ['no name', 'SCRAM-SHA-256=[password=canary]', /no name/],
  ['no password', 'SCRAM-SHA-256=[name=alice]', /alice has no password/],
  ['a field that is none', 'SCRAM-SHA-256=[name=alice,passwort=canary]', /passwort is none of name, password/],
  ['few iterations', 'SCRAM-SHA-256=[name=alice,password=canary,iterations=10]', /alice: Too few iterations/],
  ['iterations in words', 'SCRAM-SHA-256=[name=alice,password=canary,iterations=many]', /no number: many/],
])('refuses a user with %s, without telling the password', async (_what, user, message) => {
  const platform = nodePlatform({ log: { level: 'silent' } })
  const error = await startCluster(platform, { name: 'test', addScram: [user] }).catch((reason) => reason)
  expect(error).toMatchObject({ code: 'HEL_CONFIG', message: expect.stringMatching(message) })
  expect(error.message).not.toContain('canary')
})
