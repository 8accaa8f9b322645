import { pbkdf2Sync } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import { SaslFailure } from '../../../src/broker/security/sasl/sasl-server.ts'
import { ScramServer } from '../../../src/broker/security/sasl/scram.ts'
import { SCRAM_MECHANISMS, scramCredential } from '../../../src/broker/security/scram-credential.ts'
import { ScramMechanism } from '../../../src/client/sasl/scram.ts'
import { clientProof } from '../../../src/protocol/scram.ts'

const [sha256, sha512] = SCRAM_MECHANISMS as [(typeof SCRAM_MECHANISMS)[0], (typeof SCRAM_MECHANISMS)[0]]
const random = { bytes: (length: number) => Buffer.alloc(length, 7), fraction: () => 0 }

function credentialOf(mechanism: typeof sha256, password: string, iterations = 4096) {
  const salt = Buffer.from('W22ZaJ0SNY7soEsUEjb6gQ==', 'base64')
  const salted = pbkdf2Sync(password, salt, iterations, mechanism.hash === 'sha256' ? 32 : 64, mechanism.hash)
  return scramCredential(mechanism, salted, salt, iterations)
}

describe('the server of SCRAM', () => {
  it('answers as in RFC 7677', () => {
    const credential = credentialOf(sha256, 'pencil')
    const server = new ScramServer('sha256', () => credential, '%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0')
    const first = server.respond(Buffer.from('n,,n=user,r=rOprNGfwEbeRWgbNEkqO'))
    const challenge = 'r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096'
    expect(first).toEqual({ challenge: Buffer.from(challenge) })
    const final =
      'c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ='
    expect(server.respond(Buffer.from(final))).toEqual({
      user: 'user',
      token: Buffer.from('v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4='),
    })
  })

  it.each([sha256, sha512])(
    'lets a client of $name in that knows the password, whatever its name is written with',
    async (mechanism) => {
      const asked: string[] = []
      const credential = credentialOf(mechanism, 'pässword', 5000)
      const server = new ScramServer(
        mechanism.hash,
        (user) => {
          asked.push(user)
          return credential
        },
        'nonce',
      )
      const client = new ScramMechanism(mechanism.hash, 'mi=r,ror', 'pässword', random)
      const first = server.respond(await client.first())
      const last = server.respond((await client.next((first as { challenge: Buffer }).challenge))!)
      expect(last).toMatchObject({ user: 'mi=r,ror' })
      // The client checks that the server knows the password too.
      expect(await client.next((last as { token: Buffer }).token)).toBeUndefined()
      expect(asked).toEqual(['mi=r,ror'])
    },
  )

  it('refuses a client with another password, in the words that tell nothing', async () => {
    const credential = credentialOf(sha256, 'right')
    const server = new ScramServer('sha256', () => credential, 'nonce')
    const client = new ScramMechanism('sha256', 'user', 'wrong', random)
    const first = server.respond(await client.first()) as { challenge: Buffer }
    const final = (await client.next(first.challenge))!
    expect(failureOf(() => server.respond(final))).toEqual(['Invalid client credentials', undefined])
  })

  const FIRST: readonly [string, string, string?][] = [
    ['nothing', ''],
    ['channel binding', 'p=tls-unique,,n=user,r=abc'],
    ['a mandatory extension', 'n,,m=x,n=user,r=abc'],
    ['no nonce', 'n,,n=user'],
    ['a comma in the nonce', 'n,,n=user,r=a,c'],
    ['an escape that is none', 'n,,n=us=er,r=abc'],
    ['a name beyond ASCII', 'n,,n=üser,r=abc'],
    ['a delegation token', 'n,,n=user,r=abc,tokenauth=true'],
    ['somebody who is not there', 'n,,n=nobody,r=abc'],
    ['another name to act as', 'n,a=root,n=user,r=abc', 'different from username'],
  ]
  it.each(FIRST)('refuses a first message with %s', (_what, message, told) => {
    const credential = credentialOf(sha256, 'x')
    const server = new ScramServer('sha256', (user) => (user === 'user' ? credential : undefined), 'nonce')
    const [, tell] = failureOf(() => server.respond(Buffer.from(message)))
    if (told === undefined) expect(tell).toBeUndefined()
    else expect(tell).toContain(told)
  })

  it.each([
    ['another nonce', 'c=biws,r=abcother,p=AAAA'],
    ['the nonce of the client alone', 'c=biws,r=abc,p=AAAA'],
    ['the nonce of the client twice (CVE-2024-56128)', 'c=biws,r=abcabcnonce,p=AAAA'],
    ['no proof', 'c=biws,r=abcnonce'],
    ['an empty proof', 'c=biws,r=abcnonce,p='],
    ['a proof that is too short', 'c=biws,r=abcnonce,p=AAAA'],
    ['a proof that is no base64', 'c=biws,r=abcnonce,p=*'],
  ])('refuses a last message with %s', (_what, message) => {
    const credential = credentialOf(sha256, 'x')
    const server = new ScramServer('sha256', () => credential, 'nonce')
    server.respond(Buffer.from('n,,n=user,r=abc'))
    expect(failureOf(() => server.respond(Buffer.from(message)))[1]).toBeUndefined()
  })

  it('refuses a nonce that is not its own, though the proof is right', () => {
    const salt = Buffer.from('W22ZaJ0SNY7soEsUEjb6gQ==', 'base64')
    const salted = pbkdf2Sync('x', salt, 4096, 32, 'sha256')
    // The client's twice (CVE-2024-56128), and one of another exchange.
    for (const nonce of ['abcabcnonce', 'abcother', 'nonce']) {
      const server = new ScramServer('sha256', () => credentialOf(sha256, 'x'), 'nonce')
      const { challenge } = server.respond(Buffer.from('n,,n=user,r=abc')) as { challenge: Buffer }
      const withoutProof = `c=biws,r=${nonce}`
      const proof = clientProof('sha256', salted, `n=user,r=abc,${challenge},${withoutProof}`).toString('base64')
      const final = Buffer.from(`${withoutProof},p=${proof}`)
      expect(failureOf(() => server.respond(final))[0]).toBe('Invalid client nonce in the final client message.')
    }
  })

  it('refuses a credential that is too cheap to guess', () => {
    const credential = { ...credentialOf(sha256, 'x'), iterations: 4095 }
    const server = new ScramServer('sha256', () => credential, 'nonce')
    expect(() => server.respond(Buffer.from('n,,n=user,r=abc'))).toThrow(/4095 is less than the minimum 4096/)
  })
})

/** What went wrong, and what of it the client is told. */
function failureOf(call: () => unknown): [reason: string, tell: string | undefined] {
  try {
    call()
  } catch (error) {
    expect(error).toBeInstanceOf(SaslFailure)
    const { message, tell } = error as SaslFailure
    return [message, tell]
  }
  return expect.fail('it was let in')
}
