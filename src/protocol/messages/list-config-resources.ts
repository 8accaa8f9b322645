import { api, array, int16, int32, string } from '../schema.ts'

export const listConfigResources = api({
  key: 74,
  name: 'ListConfigResources',
  versions: [0, 1],
  flexible: 0,
  request: {},
  response: {
    throttleTimeMs: int32,
    errorCode: int16,
    clientMetricsResources: array({
      name: string,
    }),
  },
})
