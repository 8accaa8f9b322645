// CreateDelegationToken, key 38, versions 1–3. A token that stands for a principal (KIP-48).
// v2: flexible. v3: a token for another owner (KIP-373).

import { api, array, bytes, int16, int32, int64, string } from '../schema.ts'

export const createDelegationToken = api({
  key: 38,
  name: 'CreateDelegationToken',
  versions: [1, 3],
  flexible: 2,
  request: {
    ownerPrincipalType: string.since(3).nullable(3),
    ownerPrincipalName: string.since(3).nullable(3),
    renewers: array({
      principalType: string,
      principalName: string,
    }),
    maxLifetimeMs: int64,
  },
  response: {
    errorCode: int16,
    principalType: string,
    principalName: string,
    tokenRequesterPrincipalType: string.since(3).ignorable(),
    tokenRequesterPrincipalName: string.since(3).ignorable(),
    issueTimestampMs: int64,
    expiryTimestampMs: int64,
    maxTimestampMs: int64,
    tokenId: string,
    hmac: bytes,
    throttleTimeMs: int32,
  },
})
