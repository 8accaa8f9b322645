// DescribeUserScramCredentials, key 50, version 0. Mechanisms (1: SCRAM-SHA-256, 2: SCRAM-SHA-512) and iterations of users; null or
// no users for all. Salts and keys never leave the cluster (KIP-554).

import { api, array, int8, int16, int32, string } from '../schema.ts'

export const describeUserScramCredentials = api({
  key: 50,
  name: 'DescribeUserScramCredentials',
  versions: [0, 0],
  flexible: 0,
  request: {
    users: array({ name: string }).nullable(),
  },
  response: {
    throttleTimeMs: int32,
    errorCode: int16,
    errorMessage: string.nullable(),
    results: array({
      user: string,
      errorCode: int16,
      errorMessage: string.nullable(),
      credentialInfos: array({
        mechanism: int8,
        iterations: int32,
      }),
    }),
  },
})
