// kafkajs fitted to our platform: its sockets, its log, its logins and its errors. Loaded when first wanted, since loading it
// costs 30 ms and 18 MB that a broker process has no use for.
import type { ISocketFactory, Kafka, KafkaConfig, logCreator, Mechanism } from 'kafkajs'
import { HeliostatError } from '../platform/errors.ts'
import { type Address, type Logger, type Platform, type TlsSource, tlsNow } from '../platform/platform.ts'
import { ErrorCode } from '../protocol/errors.ts'
import { KafkajsSocket } from './kafkajs-socket.ts'
import { exchangeTokens, type SaslOptions, saslMechanism } from './sasl/sasl.ts'

export interface KafkajsOptions {
  readonly bootstrap: readonly Address[]
  readonly clientId: string
  /** What to call the cluster in messages. */
  readonly name?: string
  readonly tls?: TlsSource
  readonly sasl?: SaslOptions
}

const CONNECTION_TIMEOUT_MS = 10_000
const REQUEST_TIMEOUT_MS = 30_000
const RETRY = { initialRetryTime: 100, maxRetryTime: 2_000, retries: 5 }

export async function makeKafkajs(platform: Platform, options: KafkajsOptions): Promise<Kafka> {
  const { default: kafkajs } = await import('kafkajs')
  await calmRequestQueues()
  const { bootstrap, clientId, tls, sasl } = options
  const config: KafkaConfig = {
    brokers: bootstrap.map(({ host, port }) => `${host}:${port}`),
    clientId,
    connectionTimeout: CONNECTION_TIMEOUT_MS,
    requestTimeout: REQUEST_TIMEOUT_MS,
    retry: RETRY,
    socketFactory: socketFactory(platform, tls),
    logLevel: kafkajs.logLevel.INFO,
    logCreator: logTo(platform.log.child({ component: 'kafkajs' })),
  }
  if (sasl) config.sasl = login(platform, sasl)
  return new kafkajs.Kafka(config)
}

const REQUEST_QUEUE: string = 'kafkajs/src/network/requestQueue/index.js'

interface RequestQueue {
  readonly pending: readonly unknown[]
  readonly inflight: ReadonlyMap<number, unknown>
  scheduleCheckPendingRequests(): void
  scheduleRequestTimeoutCheck(): void
  sendSocketRequest(request: unknown): void
  fulfillRequest(answer: unknown): void
  /** Ends all its timers. */
  destroy(): void
}

let calmed = false

/**
 * A request queue of kafkajs 2.2.4 looks whether it holds anything every millisecond, and whether an answer is overdue ten times a
 * second, for ever, on every connection: more than two per cent of a core in a mirror that has nothing to do. Here it looks for the one
 * only while it holds something, and for the other only while it waits for an answer.
 */
async function calmRequestQueues(): Promise<void> {
  if (calmed) return
  calmed = true
  const { default: queue } = (await import(REQUEST_QUEUE)) as { default: { prototype: RequestQueue } }
  const calm = queue.prototype
  const { scheduleCheckPendingRequests, scheduleRequestTimeoutCheck, sendSocketRequest, fulfillRequest } = calm
  calm.scheduleCheckPendingRequests = function () {
    if (this.pending.length > 0) scheduleCheckPendingRequests.call(this)
  }
  calm.scheduleRequestTimeoutCheck = () => {} // not when it is connected, but with the first request
  calm.sendSocketRequest = function (request) {
    const isFirst = this.inflight.size === 0
    sendSocketRequest.call(this, request)
    if (isFirst && this.inflight.size > 0) scheduleRequestTimeoutCheck.call(this)
  }
  calm.fulfillRequest = function (answer) {
    fulfillRequest.call(this, answer)
    if (this.inflight.size === 0 && this.pending.length === 0) this.destroy()
  }
}

function socketFactory(platform: Platform, tls: TlsSource | undefined): ISocketFactory {
  return ({ host, port, onConnect }) =>
    new KafkajsSocket(platform.network, { host, port }, tlsNow(tls), onConnect) as unknown as ReturnType<ISocketFactory>
}

/** Our own mechanisms: the limits that hold against a hostile broker hold here too. */
function login(platform: Platform, options: SaslOptions): Mechanism {
  return {
    mechanism: options.mechanism,
    authenticationProvider: ({ saslAuthenticate }) => ({
      authenticate: async () => {
        const mechanism = saslMechanism(platform.random, options)
        await exchangeTokens(mechanism, await mechanism.first(), async (token) => {
          const challenge = await saslAuthenticate({
            request: { encode: () => withLength(token) },
            response: { decode: (bytes: Buffer) => bytes.subarray(4), parse: (bytes: Buffer) => bytes },
          })
          return challenge as Buffer
        })
      },
    }),
  }
}

function withLength(token: Buffer): Buffer {
  const prefixed = Buffer.allocUnsafe(4 + token.length)
  prefixed.writeInt32BE(token.length)
  token.copy(prefixed, 4)
  return prefixed
}

const KAFKAJS_ERROR = 1

/**
 * What kafkajs calls an error it tries again, and what it cannot mend reaches us as an exception; only the end of a consumer
 * is worth a line to people.
 */
function logTo(log: Logger): logCreator {
  return () =>
    ({ level, namespace, log: { message, timestamp: _, logger: __, stack: ___, ...fields } }) => {
      const event = `kafkajs.${namespace.toLowerCase()}`
      if (level === KAFKAJS_ERROR && namespace === 'Consumer') log.warn(event, message, fields)
      else log.debug(event, message, fields)
    }
}

/** As kafkajs throws them, down the chain of causes. */
interface KafkajsError extends Error {
  readonly retriable?: boolean
  readonly type?: string
  readonly code?: number | string
  readonly cause?: KafkajsError
}

/** `doing` completes the sentence "cannot …". */
export function fromKafkajs(error: unknown, cluster: string, doing: string): HeliostatError {
  if (error instanceof HeliostatError) return error
  const root = rootOf(error as KafkajsError)
  const { retriable = false, type, code } = root
  // kafkajs keeps to itself why it was not told; that the group is not ours to see is the likeliest.
  const hint = root.name === 'KafkaJSGroupCoordinatorNotFound' ? ' (is there a right Read on the group?)' : ''
  const reason = type === undefined ? `${root.message}${hint}` : `${type} (${root.message})`
  return new HeliostatError(codeFor(root), `cannot ${doing} at ${cluster}: ${reason}`, {
    retriable,
    cause: error,
    where: { cluster, ...(typeof code === 'number' ? { errorCode: code } : {}) },
  })
}

function rootOf(error: KafkajsError): KafkajsError {
  return error.cause instanceof Error ? rootOf(error.cause) : error
}

function codeFor({ name, code }: KafkajsError): `HEL_${string}` {
  if (code === ErrorCode.SASL_AUTHENTICATION_FAILED || name === 'KafkaJSSASLAuthenticationError') {
    return 'HEL_AUTHENTICATION'
  }
  if (name.startsWith('KafkaJSConnection') || name === 'KafkaJSRequestTimeoutError') return 'HEL_UNREACHABLE'
  return 'HEL_CONTROL'
}
