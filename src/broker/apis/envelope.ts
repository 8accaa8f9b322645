// Envelope (key 58), version 0 (KIP-590). Among brokers only.
//
// - A client's request that another broker has brought, carried out by the active controller with the rights of the client, whose
//   principal and address come along. The answer goes back the same way.
// - NOT_CONTROLLER: this one is not, or no longer, the active controller; the broker looks for the new one. INVALID_REQUEST: nothing that
//   only the controller can do. PRINCIPAL_DESERIALIZATION_FAILURE: nobody knows who asks.
// - Needs CLUSTER_ACTION on the cluster.

import { decodeRequestHeader, decodeVersioned } from '../../protocol/codec.ts'
import { ErrorCode } from '../../protocol/errors.ts'
import { envelope, principalData } from '../../protocol/messages/envelope.ts'
import { CLOSE, Dispatcher, serve } from '../dispatcher.ts'
import { type Caller, CLUSTER_NAME } from '../security/authorizer.ts'
import { hostOfBytes } from '../security/host-address.ts'

const FRAME_SIZE_BYTES = 4

export const serveEnvelope = serve(envelope, [0, 0], async (broker, request, call) => {
  const failed = (errorCode: number) => ({ responseData: null, errorCode })
  if (!call.may('CLUSTER_ACTION', 'CLUSTER', CLUSTER_NAME)) return failed(ErrorCode.CLUSTER_AUTHORIZATION_FAILED)
  if (!broker.controller.isActive) return failed(ErrorCode.NOT_CONTROLLER)
  const { requestData, requestPrincipal, clientHostAddress } = request
  const caller = callerOf(requestPrincipal, clientHostAddress)
  if (!caller) return failed(ErrorCode.PRINCIPAL_DESERIALIZATION_FAILURE)
  const { apiKey } = decodeRequestHeader(requestData)
  const rows = call.served.filter((row) => row.forwarded !== undefined)
  if (!rows.some(({ api }) => api.key === apiKey)) return failed(ErrorCode.INVALID_REQUEST)
  const session = { caller, listener: call.listener, isForwarded: true }
  const answer = await new Dispatcher(rows).dispatch(broker, broker.log, session, requestData)
  if (answer !== undefined && answer !== CLOSE) {
    return { responseData: Buffer.concat(answer).subarray(FRAME_SIZE_BYTES), errorCode: ErrorCode.NONE }
  }
  return failed(broker.controller.isActive ? ErrorCode.UNKNOWN_SERVER_ERROR : ErrorCode.NOT_CONTROLLER)
})

function callerOf(principal: Buffer | null, address: Buffer): Caller | undefined {
  const host = hostOfBytes(address)
  if (principal === null || host === undefined) return undefined
  const { type, name } = decodeVersioned(principalData, principal)
  return { principal: { type, name }, host }
}
