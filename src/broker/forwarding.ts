// Requests that only the active controller can carry out go to it in an Envelope (KIP-590), whichever broker the client has asked.

import { HeliostatError } from '../platform/errors.ts'
import { decodeResponse, encodeRequest, encodeVersioned } from '../protocol/codec.ts'
import { ErrorCode, errorOf } from '../protocol/errors.ts'
import { envelope, principalData } from '../protocol/messages/envelope.ts'
import type { Api, RequestInput, Response } from '../protocol/schema.ts'
import type { Broker } from './broker.ts'
import type { Caller } from './security/authorizer.ts'
import { addressBytes } from './security/host-address.ts'

/** As long as clients wait by themselves. */
const FORWARDING_MS_MAX = 30_000
const PRINCIPAL_VERSION = 0
const FRAME_SIZE_BYTES = 4

/**
 * Takes a client's request, its frame without the size, to the active controller. Resolves to the answer, a frame without the size;
 * rejects with a HeliostatError when no controller gave one in time.
 */
export async function forward(broker: Broker, { principal, host }: Caller, frame: Buffer): Promise<Buffer> {
  const request = {
    requestData: frame,
    requestPrincipal: encodeVersioned(principalData, PRINCIPAL_VERSION, { ...principal, tokenAuthenticated: false }),
    clientHostAddress: addressBytes(host),
  }
  const { errorCode, responseData } = await broker.channel.askPatiently(envelope, request, FORWARDING_MS_MAX)
  if (errorCode === ErrorCode.NONE && responseData !== null) return responseData
  throw new HeliostatError('HEL_UNREACHABLE', `the controller refuses what was forwarded: ${errorOf(errorCode).name}`)
}

/** The same for a request that this broker has changed. */
export async function forwardRequest<A extends Api>(
  broker: Broker,
  caller: Caller,
  { version, clientId }: { readonly version: number; readonly clientId: string },
  api: A,
  request: RequestInput<A>,
): Promise<Response<A>> {
  const frame = Buffer.concat(encodeRequest(api, version, { correlationId: 0, clientId }, request))
  return decodeResponse(api, version, await forward(broker, caller, frame.subarray(FRAME_SIZE_BYTES)))
}
