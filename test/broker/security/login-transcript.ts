// Plays a script against the state of a login and writes down what the client is told.
//
// A script is prose (lines with #) and blocks: a command, `----`, the expected output. A token of PLAIN is written authzid|user|password.
import {
  type Login,
  type LoginOutcome,
  type LoginReply,
  type LoginRequest,
  LoginState,
} from '../../../src/broker/security/login-state.ts'
import { BadToken } from '../../../src/broker/security/sasl/jwt.ts'
import type { SaslMechanisms } from '../../../src/broker/security/sasl/mechanisms.ts'
import { OauthBearerServer } from '../../../src/broker/security/sasl/oauthbearer.ts'
import { PlainServer } from '../../../src/broker/security/sasl/plain.ts'
import { errorOf } from '../../../src/protocol/errors.ts'

const START_MS = 1_000_000
const users = new Map([
  ['alice', 'secret'],
  ['bob', 'hunter2'],
])

export class LoginTranscript {
  #maxReauthMs = 0
  #state = new LoginState(this.#mechanisms)
  #login: Login | undefined
  #nowMs = 0

  run(text: string): string {
    const [verb = '', ...words] = text.trim().split(/\s+/)
    switch (verb) {
      case 'listener':
        this.#maxReauthMs = Number(words[0]?.split('=')[1] ?? 0)
        this.#state = new LoginState(this.#mechanisms)
        return `offers ${[...this.#mechanisms.keys()].join(', ')}\n`
      case 'connect':
        this.#state = new LoginState(this.#mechanisms)
        return 'connected\n'
      case 'renew':
        this.#state = new LoginState(this.#mechanisms, this.#login)
        return 'renewing\n'
      case 'advance':
        this.#nowMs += Number(words[0])
        return `${this.#nowMs} ms\n`
      default:
        return this.#request(requestOf(verb, words))
    }
  }

  get #mechanisms(): SaslMechanisms {
    const maxReauthMs = this.#maxReauthMs
    return new Map([
      ['PLAIN', { server: () => new PlainServer(users), maxReauthMs }],
      // A token here says who it is for and until when.
      ['OAUTHBEARER', { server: () => new OauthBearerServer(readToken), maxReauthMs }],
    ])
  }

  #request(request: LoginRequest): string {
    const outcome = this.#state.handle(request, { wallMs: START_MS + this.#nowMs, monotonicMs: this.#nowMs })
    if (outcome.verdict === 'logged-in') this.#login = outcome.login
    const lines = [...replyLines(outcome), endLine(outcome)].filter((line) => line !== '')
    return `${lines.join('\n')}\n`
  }
}

function readToken(token: string) {
  const [user = '', lifetime = ''] = token.split('.')
  if (!/^\d+$/.test(lifetime)) throw new BadToken('no lifetime')
  return { user, expiresAtMs: START_MS + Number(lifetime) }
}

function requestOf(verb: string, words: readonly string[]): LoginRequest {
  const [first = '', second = ''] = words
  if (verb === 'versions') return { type: 'api-versions', valid: first !== 'too-new' }
  if (verb === 'handshake') {
    return first === 'v0'
      ? { type: 'handshake', version: 0, mechanism: second }
      : { type: 'handshake', version: 1, mechanism: first }
  }
  const token = Buffer.from(first.replaceAll('|', '\0').replaceAll('^A', '\x01').replaceAll('_', ' '))
  if (verb === 'authenticate') return { type: 'authenticate', token }
  if (verb === 'raw') return { type: 'raw-token', token }
  return { type: 'other', name: verb }
}

function replyLines(outcome: LoginOutcome): string[] {
  return 'reply' in outcome && outcome.reply ? [describe(outcome.reply)] : []
}

function describe(reply: LoginReply): string {
  const code = (errorCode: number) => errorOf(errorCode).name
  switch (reply.type) {
    case 'handshake':
      return `handshake: ${code(reply.errorCode)} [${reply.mechanisms.join(', ')}]`
    case 'api-versions':
      return `versions: ${code(reply.errorCode)}`
    case 'raw-token':
      return `raw: ${JSON.stringify(reply.token.toString())}`
    case 'authenticate': {
      const message = reply.errorMessage === '' ? '' : ` "${reply.errorMessage}"`
      const lifetime = reply.sessionLifetimeMs === 0 ? '' : ` lifetime=${reply.sessionLifetimeMs}`
      const challenge = reply.authBytes.length === 0 ? '' : ` ${reply.authBytes}`
      return `authenticate: ${code(reply.errorCode)}${message}${challenge}${lifetime}`
    }
  }
}

function endLine(outcome: LoginOutcome): string {
  switch (outcome.verdict) {
    case 'go-on':
      return ''
    case 'logged-in': {
      const { principal, expiresAtMs } = outcome.login
      return `logged in as ${principal.type}:${principal.name}${expiresAtMs === undefined ? '' : ` until ${expiresAtMs} ms`}`
    }
    case 'refuse':
      return `closed after the delay: ${outcome.reason}`
    case 'close':
      return `closed: ${outcome.reason}`
  }
}
