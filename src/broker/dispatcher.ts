import { HeliostatError } from '../platform/errors.ts'
import type { Logger } from '../platform/platform.ts'
import {
  DecodeError,
  decodeRequest,
  decodeRequestHeader,
  encodeResponse,
  type RequestHeader,
} from '../protocol/codec.ts'
import { ErrorCode } from '../protocol/errors.ts'
import { apiVersions } from '../protocol/messages/api-versions.ts'
import type { Api, Request, RequestInput, Response, ResponseInput } from '../protocol/schema.ts'
import type { Broker } from './broker.ts'
import { CoordinatorError } from './coordinator/runtime.ts'
import { forward, forwardRequest } from './forwarding.ts'
import { type Mute, RequestUsage } from './quota/request-usage.ts'
import type { Caller, Operation, Resource } from './security/authorizer.ts'

/** Who asks, and how. */
export interface Call {
  readonly version: number
  /** The listener that it came through, in upper case: addresses in answers are those of this listener. */
  readonly listener: string
  readonly clientId: string
  readonly caller: Caller
  /** As Kafka shows it to people: `/127.0.0.1`. */
  readonly clientHost: string
  /** Whether the caller may do this; of the cluster the name is CLUSTER_NAME. Everybody may everything without an authorizer. */
  may(operation: Operation, resource: Resource, name: string): boolean
  /** Whether there may be some resource of the type with which the caller may do this. */
  mayWithSome(operation: Operation, resource: Resource): boolean
  /** Another broker has brought it, for the controller to carry out: what is about the client's own broker has been done there. */
  readonly isForwarded: boolean
  /** Lets the active controller, wherever it is, carry out such a request for the caller. */
  forward<A extends Api>(api: A, request: RequestInput<A>): Promise<Response<A>>
  /** What this broker serves, for ApiVersions. */
  readonly served: readonly ServedApi[]
  /** Of the request, with its header. */
  readonly requestBytes: number
  /** The client has used more than its quota: the answer says so, and for so long nothing more is read from it. The longest holds. */
  pause(ms: number): void
}

/** What a handler knows of a connection. */
export interface Session {
  readonly caller: Caller
  readonly listener: string
  /** Another node of the cluster: it may everything, and has no quota. */
  readonly isInternal?: boolean
  readonly isForwarded?: boolean
}

/** `undefined`: nothing is sent. CLOSE: the connection ends, the only sign that the protocol has for it. */
export type Answer<A extends Api> = ResponseInput<A> | undefined | typeof CLOSE
export const CLOSE: unique symbol = Symbol('close')

export interface ServedApi {
  readonly api: Api
  readonly minVersion: number
  readonly maxVersion: number
  /** What ApiVersions says; below `minVersion` for the sake of clients that read more into it. */
  readonly advertisedMinVersion: number
  /** Only the active controller can carry it out. `whole`: any other broker takes it there; `part`: its handler sees to that. */
  readonly forwarded?: 'whole' | 'part'
  readonly handle: (broker: Broker, request: never, call: Call) => Answer<Api> | Promise<Answer<Api>>
}

export type Handle = (broker: Broker, row: ServedApi, request: object, call: Call) => Answer<Api> | Promise<Answer<Api>>

const byItsRow: Handle = (broker, row, request, call) => row.handle(broker, request as never, call)

/** One row of the list of served APIs. */
export function serve<A extends Api>(
  api: A,
  [minVersion, maxVersion]: readonly [number, number],
  handle: (broker: Broker, request: Request<A>, call: Call) => Answer<A> | Promise<Answer<A>>,
  advertisedMinVersion: number = minVersion,
): ServedApi {
  return { api, minVersion, maxVersion, advertisedMinVersion, handle: handle as unknown as ServedApi['handle'] }
}

/** A row for what only the active controller can carry out. */
export function forwarded(row: ServedApi, what: ServedApi['forwarded'] = 'whole'): ServedApi {
  return { ...row, forwarded: what }
}

export type Dispatched = Buffer[] | undefined | typeof CLOSE

/** From a request's frame to its response's: header, version, handler. Holds nothing of a connection. */
export class Dispatcher {
  readonly #served: readonly ServedApi[]
  readonly #byKey: ReadonlyMap<number, ServedApi>
  readonly #handle: Handle

  /** `handle` carries a request out, by its row's handler or in spite of it. */
  constructor(served: readonly ServedApi[], handle: Handle = byItsRow) {
    this.#served = served
    this.#handle = handle
    this.#byKey = new Map(served.map((row) => [row.api.key, row]))
  }

  /** Never throws; a frame that cannot be served closes its connection with one line in the log. */
  dispatch(
    broker: Broker,
    log: Logger,
    session: Session,
    frame: Buffer,
    mute: Mute = unmuted,
  ): Dispatched | Promise<Dispatched> {
    try {
      return this.#dispatch(broker, log, session, frame, mute)
    } catch (error) {
      return refuse(log, error)
    }
  }

  #dispatch(
    broker: Broker,
    log: Logger,
    session: Session,
    frame: Buffer,
    mute: Mute,
  ): Dispatched | Promise<Dispatched> {
    const header = decodeRequestHeader(frame)
    const row = this.#byKey.get(header.apiKey)
    if (!row) throw new DecodeError(`the API key ${header.apiKey} is not served`)
    const version = header.apiVersion
    if (version < row.minVersion || version > row.maxVersion) return this.#refuseVersion(row, header)
    const { caller, listener, isInternal = false, isForwarded = false } = session
    const isToForward = row.forwarded === 'whole' && !isForwarded
    if (isToForward && !broker.controller.isActive) return this.#forward(broker, log, session, frame)
    const request = decodeRequest(row.api, version, frame, header.bodyOffset)
    const usage = new RequestUsage(broker, caller, header.clientId ?? '', mute)
    const call: Call = {
      version,
      listener,
      clientId: header.clientId ?? '',
      requestBytes: frame.length,
      pause: (ms) => usage.pause(ms),
      caller,
      clientHost: `/${caller.host}`,
      served: this.#served,
      isForwarded,
      forward: (api, altered) => {
        return forwardRequest(broker, caller, { version, clientId: header.clientId ?? '' }, api, altered)
      },
      may: (operation, resource, name) => {
        if (isInternal) return true
        if (broker.authorizer?.allows(caller, operation, resource, name) ?? true) return true
        const who = `${caller.principal.type}:${caller.principal.name}`
        log.debug('broker.denied', `${who} has no right ${operation}`, { api: row.api.name, operation, resource, name })
        return false
      },
      mayWithSome: (operation, resource) => {
        return isInternal || (broker.authorizer?.allowsSome(caller, operation, resource) ?? true)
      },
    }
    const answer = this.#handle(broker, row, request, call)
    usage.returned()
    const end = () => (isInternal ? 0 : usage.end())
    if (!(answer instanceof Promise)) return encode(row.api, header, announced(answer, end()))
    // The last step catches for both: an answer that cannot be encoded must end this connection, not the process.
    return answer
      .then((settled) => encode(row.api, header, announced(settled, end())))
      .catch((error) => {
        const isNoMore = error instanceof CoordinatorError && error.errorCode === ErrorCode.NOT_CONTROLLER
        return isToForward && isNoMore ? this.#forward(broker, log, session, frame) : refuse(log, error)
      })
  }

  async #forward(broker: Broker, log: Logger, { caller }: Session, frame: Buffer): Promise<Dispatched> {
    try {
      const answer = await forward(broker, caller, frame)
      const size = Buffer.alloc(4)
      size.writeInt32BE(answer.length)
      return [size, answer]
    } catch (error) {
      return refuse(log, error)
    }
  }

  /** KIP-511: a client must be able to find out which version of ApiVersions it may ask. All other APIs it can look up there. */
  #refuseVersion(row: ServedApi, header: RequestHeader): Buffer[] {
    const { api, minVersion, maxVersion } = row
    if (api.key !== apiVersions.key) {
      throw new DecodeError(
        `version ${header.apiVersion} of ${api.name} is not served, only ${minVersion} to ${maxVersion}`,
      )
    }
    return encodeResponse(apiVersions, 0, header.correlationId, {
      errorCode: ErrorCode.UNSUPPORTED_VERSION,
      apiKeys: [{ apiKey: api.key, minVersion, maxVersion }],
      throttleTimeMs: 0,
    })
  }
}

function unmuted(): void {}

/** The answer as the client gets it: it is told how long it pauses. */
function announced(answer: Answer<Api>, pauseMs: number): Answer<Api> {
  if (pauseMs === 0 || answer === undefined || answer === CLOSE) return answer
  return { ...answer, throttleTimeMs: pauseMs }
}

function encode(api: Api, header: RequestHeader, answer: Answer<Api>): Dispatched {
  if (answer === undefined || answer === CLOSE) return answer
  return encodeResponse(api, header.apiVersion, header.correlationId, answer)
}

function refuse(log: Logger, error: unknown): typeof CLOSE {
  if (error instanceof HeliostatError || error instanceof CoordinatorError) {
    log.warn('broker.uncontrolled', 'a request needs a controller; the connection is closed', { error: error.message })
  } else if (error instanceof DecodeError) {
    log.warn('broker.bad-request', 'a request cannot be served; the connection is closed', { error: error.message })
  } else {
    const detail = error instanceof Error ? (error.stack ?? error.message) : String(error)
    log.error('broker.request-failed', 'a request failed; the connection is closed', { error: detail })
  }
  return CLOSE
}
