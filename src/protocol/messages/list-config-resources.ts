// ListConfigResources, key 74, versions 0–1. The resources that have configs of their own.
// v0: client metrics subscriptions only (KIP-1000). v1: any resource type (KIP-1142).

import { api, array, int8, int16, int32, string } from '../schema.ts'

export const listConfigResources = api({
  key: 74,
  name: 'ListConfigResources',
  versions: [0, 1],
  flexible: 0,
  request: {
    resourceTypes: array(int8).since(1),
  },
  response: {
    throttleTimeMs: int32,
    errorCode: int16,
    configResources: array({
      resourceName: string,
      resourceType: int8.since(1).default(16).ignorable(),
    }),
  },
})
