// The same bytes to both brokers before, during and after a login: what is answered, and whether the connection lives.
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { decodeResponse, encodeRequest } from '../../src/protocol/codec.ts'
import { errorOf } from '../../src/protocol/errors.ts'
import { apiVersions } from '../../src/protocol/messages/api-versions.ts'
import { metadata } from '../../src/protocol/messages/metadata.ts'
import { saslAuthenticate } from '../../src/protocol/messages/sasl-authenticate.ts'
import { saslHandshake } from '../../src/protocol/messages/sasl-handshake.ts'
import type { Api, RequestInput } from '../../src/protocol/schema.ts'
import { type RawConnection, rawConnection, sized } from '../broker/raw-connection.ts'
import { unsignedToken } from '../support/token-issuer.ts'
import { title } from './ground.ts'
import { BRIEF_MS, type SecuredCluster, type SecuredListener, securedGrounds, user } from './secured-ground.ts'

/** A frame, and how its answer reads. */
interface Step {
  readonly frame: Buffer
  readonly read: (answer: Buffer) => unknown
}

function step<A extends Api>(
  api: A,
  version: number,
  request: RequestInput<A>,
  read: (response: never) => unknown = (response: { errorCode: number }) => errorOf(response.errorCode).name,
): Step {
  const frame = Buffer.concat(encodeRequest(api, version, { correlationId: 1, clientId: 'raw' }, request))
  return { frame, read: (answer) => read(decodeResponse(api, version, answer) as never) }
}

const raw = (bytes: Buffer): Step => ({ frame: bytes, read: (answer) => answer.toString() })
const token = (text: string) => Buffer.from(text.replaceAll('|', '\0').replaceAll('^', '\x01'))
const right = `|${user.username}|${user.password}`

const versions = () => step(apiVersions, 3, { clientSoftwareName: 'raw', clientSoftwareVersion: '1' })
const newerVersions = (): Step => ({
  frame: sized(Buffer.concat([Buffer.from('0012006300000001', 'hex'), Buffer.from('000372617700', 'hex')])),
  read: (answer) => errorOf(answer.readInt16BE(4)).name,
})
const handshake = (mechanism = 'PLAIN', version = 1) =>
  step(
    saslHandshake,
    version,
    { mechanism },
    ({ errorCode, mechanisms }: { errorCode: number; mechanisms: string[] }) => [
      errorOf(errorCode).name,
      mechanisms.length,
    ],
  )
const authenticate = (text: string, version = 2) =>
  step(
    saslAuthenticate,
    version,
    { authBytes: token(text) },
    ({ errorCode, errorMessage, authBytes }: { errorCode: number; errorMessage: string | null; authBytes: Buffer }) => [
      errorOf(errorCode).name,
      errorMessage,
      authBytes.toString(),
    ],
  )
const cluster = () =>
  step(metadata, 1, { topics: [] }, ({ brokers }: { brokers: unknown[] }) => `${brokers.length} broker`)

const shaken = ['NONE', 4]
const letIn = ['NONE', '', '']
const refused = (message: string) => ['SASL_AUTHENTICATION_FAILED', message, '']
const hidden = (mechanism: string) =>
  refused(`Authentication failed during authentication due to invalid credentials with SASL mechanism ${mechanism}`)
const CLOSED = 'closed'

const CASES: readonly [
  what: string,
  steps: readonly Step[],
  answers: readonly unknown[],
  listener?: SecuredListener,
][] = [
  ['a login', [versions(), handshake(), authenticate(right), cluster()], ['NONE', shaken, letIn, '1 broker']],
  [
    'a login without a look at the versions',
    [handshake(), authenticate(right, 0), cluster()],
    [shaken, letIn, '1 broker'],
  ],
  [
    'versions that are too new, then others',
    [newerVersions(), versions(), handshake()],
    ['UNSUPPORTED_VERSION', 'NONE', shaken],
  ],
  [
    'versions of software without a name, then others',
    [step(apiVersions, 3, { clientSoftwareName: '', clientSoftwareVersion: '' }), versions()],
    ['INVALID_REQUEST', 'NONE'],
  ],
  ['versions twice', [versions(), versions()], ['NONE', CLOSED]],
  ['raw tokens', [handshake('PLAIN', 0), raw(sized(token(right))), cluster()], [shaken, '', '1 broker']],
  ['a raw token that is wrong', [handshake('PLAIN', 0), raw(sized(token('|mirror|wrong')))], [shaken, CLOSED]],
  [
    'a wrong password',
    [handshake(), authenticate('|mirror|wrong')],
    [shaken, refused('Authentication failed: Invalid username or password'), CLOSED],
  ],
  [
    'an unknown user',
    [handshake(), authenticate('|nobody|wrong')],
    [shaken, refused('Authentication failed: Invalid username or password'), CLOSED],
  ],
  [
    'an empty password',
    [handshake(), authenticate('|mirror|')],
    [shaken, refused('Authentication failed: password not specified'), CLOSED],
  ],
  [
    'no user',
    [handshake(), authenticate('||x')],
    [shaken, refused('Authentication failed: username not specified'), CLOSED],
  ],
  [
    'an empty token',
    [handshake(), authenticate('')],
    [shaken, refused('Invalid SASL/PLAIN response: expected 3 tokens, got 1'), CLOSED],
  ],
  [
    'a token without a password',
    [handshake(), authenticate('|mirror')],
    [shaken, refused('Invalid SASL/PLAIN response: expected 3 tokens, got 2'), CLOSED],
  ],
  [
    'a token with too much',
    [handshake(), authenticate(`${right}|a|b|c`)],
    [shaken, refused('Invalid SASL/PLAIN response: expected 3 tokens, got 4'), CLOSED],
  ],
  [
    'the name of another',
    [handshake(), authenticate(`root${right}`)],
    [
      shaken,
      refused('Authentication failed: Client requested an authorization id that is different from username'),
      CLOSED,
    ],
  ],
  ['an unknown mechanism', [handshake('GSSAPI')], [['UNSUPPORTED_SASL_MECHANISM', 4], CLOSED]],
  ['a mechanism in small letters', [handshake('plain')], [['UNSUPPORTED_SASL_MECHANISM', 4], CLOSED]],
  ['a handshake in the middle', [handshake(), handshake()], [shaken, ['ILLEGAL_SASL_STATE', 0], CLOSED]],
  ['versions in the middle', [handshake(), versions()], [shaken, 'ILLEGAL_SASL_STATE', CLOSED]],
  ['a token before the handshake', [authenticate(right)], [CLOSED]],
  ['a request before the login', [cluster()], [CLOSED]],
  ['a request instead of the handshake', [versions(), cluster()], ['NONE', CLOSED]],
  [
    'a handshake after the login',
    [handshake(), authenticate(right), handshake(), cluster()],
    [shaken, letIn, ['ILLEGAL_SASL_STATE', 0], '1 broker'],
  ],
  [
    'a token after the login',
    [handshake(), authenticate(right), authenticate(right), cluster()],
    [
      shaken,
      letIn,
      ['ILLEGAL_SASL_STATE', 'SaslAuthenticate request received after successful authentication', ''],
      '1 broker',
    ],
  ],
  ['a handshake where nobody logs in', [handshake(), cluster()], [['ILLEGAL_SASL_STATE', 0], '1 broker'], 'PLAINTEXT'],
  [
    'a user unknown to SCRAM',
    [handshake('SCRAM-SHA-256'), authenticate('n,,n=nobody,r=abc')],
    [shaken, hidden('SCRAM-SHA-256'), CLOSED],
  ],
  [
    'a message that is none of SCRAM',
    [handshake('SCRAM-SHA-512'), authenticate('hello')],
    [shaken, hidden('SCRAM-SHA-512'), CLOSED],
  ],
  [
    'a token that nobody signed',
    [handshake('OAUTHBEARER'), authenticate(`n,,^auth=Bearer ${unsignedToken()}^^`), cluster()],
    [shaken, letIn, '1 broker'],
  ],
  [
    'a token with extensions',
    [handshake('OAUTHBEARER'), authenticate(`n,,^auth=Bearer ${unsignedToken()}^a=b^^`)],
    [shaken, letIn],
  ],
  [
    'a token that has expired',
    [handshake('OAUTHBEARER'), authenticate(`n,,^auth=Bearer ${unsignedToken(-1000)}^^`), authenticate('^')],
    [shaken, ['NONE', '', '{"status":"invalid_token"}'], refused('{"status":"invalid_token"}'), CLOSED],
  ],
  [
    'a token for another name',
    [handshake('OAUTHBEARER'), authenticate(`n,a=root,^auth=Bearer ${unsignedToken()}^^`)],
    [
      shaken,
      refused(
        "Authentication failed: Client requested an authorization id (root) that is different from the token's principal name (mirror)",
      ),
      CLOSED,
    ],
  ],
  ['no token', [handshake('OAUTHBEARER'), authenticate('n,,^^')], [shaken, hidden('OAUTHBEARER'), CLOSED]],
  ['HTTP', [raw(Buffer.from('GET / HTTP/1.1\r\nHost: kafka\r\n\r\n'))], [CLOSED]],
  ['a TLS hello', [raw(Buffer.from('16030100f8010000f40303', 'hex'))], [CLOSED]],
  ['plain bytes to the TLS port', [cluster()], [CLOSED], 'SECURE'],
  ['a frame over the limit', [raw(Buffer.from('00080001', 'hex'))], [CLOSED]],
  ['a frame of negative size', [raw(Buffer.from('ffffffff', 'hex'))], [CLOSED]],
  ['an empty frame', [raw(Buffer.alloc(4))], [CLOSED]],
]

describe.each(securedGrounds)('login frames', (ground) => {
  describe.skipIf(ground.reason)(title(`what ${ground.name} answers to`, ground.reason), () => {
    let secured: SecuredCluster
    beforeAll(async () => {
      secured = await ground.start()
    }, 90_000)
    afterAll(() => secured?.stop())

    it.each(CASES)('%s', async (_what, steps, expected, listener = 'CLEAR') => {
      expect(await play(secured.at(listener), steps, expected.length)).toEqual(expected)
    })
  })
})

describe.each(securedGrounds)('logins that end', (ground) => {
  describe.skipIf(ground.reason)(title(`logins of two seconds at ${ground.name}`, ground.reason), () => {
    let secured: SecuredCluster
    beforeAll(async () => {
      secured = await ground.start()
    }, 90_000)
    afterAll(() => secured?.stop())

    const lifetime = (text: string) =>
      step(
        saslAuthenticate,
        1,
        { authBytes: token(text) },
        (answer: { errorMessage: string; sessionLifetimeMs: number }) => [
          answer.errorMessage,
          answer.sessionLifetimeMs,
        ],
      )
    const logIn = [handshake(), lifetime(right)]
    const loggedIn = [shaken, ['', BRIEF_MS]]
    const changed = 'Cannot change principals during re-authentication from User.mirror: User.other'

    const RENEWALS: readonly [what: string, steps: readonly Step[], answers: readonly unknown[]][] = [
      [
        'are renewed on the connection',
        [...logIn, cluster(), ...logIn, cluster()],
        [...loggedIn, '1 broker', ...loggedIn, '1 broker'],
      ],
      [
        'are not renewed twice in a second',
        [...logIn, ...logIn, handshake(), cluster()],
        [...loggedIn, ...loggedIn, ['ILLEGAL_SASL_STATE', 0], '1 broker'],
      ],
      [
        'are not renewed by another user',
        [...logIn, handshake(), lifetime('|other|0ther')],
        [...loggedIn, shaken, [changed, 0], CLOSED],
      ],
      [
        'are not renewed by another mechanism',
        [...logIn, handshake('SCRAM-SHA-256'), authenticate('n,,n=x,r=y')],
        [...loggedIn, shaken, CLOSED],
      ],
      ['are not renewed by an unknown mechanism', [...logIn, handshake('GSSAPI')], [...loggedIn, CLOSED]],
      [
        'are not renewed with a wrong password',
        [...logIn, handshake(), lifetime('|mirror|wrong')],
        [...loggedIn, shaken, ['Authentication failed: Invalid username or password', 0], CLOSED],
      ],
      [
        'are not renewed with a request in the middle',
        [...logIn, handshake(), versions()],
        [...loggedIn, shaken, 'ILLEGAL_SASL_STATE', CLOSED],
      ],
    ]
    it.each(RENEWALS)('%s', async (_what, steps, expected) => {
      expect(await play(secured.at('BRIEF'), steps, expected.length)).toEqual(expected)
    })

    it('close the connection at the first request after their end', async () => {
      const connection = await rawConnection({ bootstrap: secured.at('BRIEF') })
      for (const { frame, read } of logIn) await answerOf(connection, frame, read)
      await new Promise((resolve) => setTimeout(resolve, BRIEF_MS + 50))
      const late = cluster()
      expect(await answerOf(connection, late.frame, late.read)).toBe(CLOSED)
    })
  })
})

/** What the steps are answered with; with fewer steps than answers the close is waited for. */
async function play(bootstrap: string, steps: readonly Step[], length: number): Promise<unknown[]> {
  const connection = await rawConnection({ bootstrap })
  const answers: unknown[] = []
  for (const { frame, read } of steps) answers.push(await answerOf(connection, frame, read))
  if (answers.length < length) {
    await connection.closed
    answers.push(CLOSED)
  }
  return answers
}

async function answerOf(connection: RawConnection, frame: Buffer, read: Step['read']): Promise<unknown> {
  connection.socket.write(frame)
  return Promise.race([connection.next().then(read), connection.closed.then(() => CLOSED)])
}
