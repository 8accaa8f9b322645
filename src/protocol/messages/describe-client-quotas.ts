// DescribeClientQuotas, key 48, versions 0–1. Quotas of users, client ids and addresses, by filter (KIP-546).
// Match type 0: exactly this name, 1: the default, 2: any name.
// v1: flexible.

import { api, array, bool, float64, int8, int16, int32, string } from '../schema.ts'

export const describeClientQuotas = api({
  key: 48,
  name: 'DescribeClientQuotas',
  versions: [0, 1],
  flexible: 1,
  request: {
    components: array({
      entityType: string,
      matchType: int8,
      match: string.nullable(),
    }),
    strict: bool,
  },
  response: {
    throttleTimeMs: int32,
    errorCode: int16,
    errorMessage: string.nullable(),
    entries: array({
      entity: array({
        entityType: string,
        entityName: string.nullable(),
      }),
      values: array({
        key: string,
        value: float64,
      }),
    }).nullable(),
  },
})
