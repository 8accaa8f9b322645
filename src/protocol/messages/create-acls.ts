// CreateAcls, key 30, versions 1–3.
// v1: pattern types (KIP-290). v2: flexible. v3: user resources (KIP-373).

import { api, array, int8, int16, int32, string } from '../schema.ts'

export const createAcls = api({
  key: 30,
  name: 'CreateAcls',
  versions: [1, 3],
  flexible: 2,
  request: {
    creations: array({
      resourceType: int8,
      resourceName: string,
      resourcePatternType: int8.default(3),
      principal: string,
      host: string,
      operation: int8,
      permissionType: int8,
    }),
  },
  response: {
    throttleTimeMs: int32,
    results: array({
      errorCode: int16,
      errorMessage: string.nullable(),
    }),
  },
})
