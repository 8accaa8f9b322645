import { ErrorCode } from '../../protocol/errors.ts'
import { ANONYMOUS, type Caller } from './authorizer.ts'

/**
 * How a broker without delegation tokens (KIP-48) answers whoever asks for one: over connections that nobody has logged in on it does
 * not speak of them at all.
 */
export function delegationTokenRefusal({ principal }: Caller): number {
  if (principal.name === ANONYMOUS.name) return ErrorCode.DELEGATION_TOKEN_REQUEST_NOT_ALLOWED
  return ErrorCode.DELEGATION_TOKEN_AUTH_DISABLED
}
