// UpdateFeatures, key 57, versions 0–2. Raises or lowers the finalized level of features (KIP-584).
// v1: upgrade type (1 upgrade, 2 safe, 3 unsafe downgrade) in place of allowDowngrade, validateOnly (KIP-778).
// v2: one error for all, since it is all or nothing (KIP-1022).

import { api, array, bool, int8, int16, int32, string } from '../schema.ts'

export const updateFeatures = api({
  key: 57,
  name: 'UpdateFeatures',
  versions: [0, 2],
  flexible: 0,
  request: {
    timeoutMs: int32.default(60000),
    featureUpdates: array({
      feature: string,
      maxVersionLevel: int16,
      allowDowngrade: bool.until(0),
      upgradeType: int8.since(1).default(1),
    }),
    validateOnly: bool.since(1).default(false),
  },
  response: {
    throttleTimeMs: int32,
    errorCode: int16,
    errorMessage: string.nullable(),
    results: array({
      feature: string,
      errorCode: int16,
      errorMessage: string.nullable(),
    })
      .until(1)
      .ignorable(),
  },
})
