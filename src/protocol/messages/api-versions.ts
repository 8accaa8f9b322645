// ApiVersions, key 18, versions 0–5. Which APIs and versions a broker speaks; the first request on a connection. The response's
// header is that of version 0 in every version, so that a client can read the refusal of a version that the broker lacks (KIP-511).
// v1: throttle time. v2: throttled after the response. v3: flexible; client software (KIP-511), features (KIP-584).
// v4: a feature's lowest version may be 0. v5: the client says which cluster and node it expects (KIP-1242).

import { api, array, bool, int16, int32, int64, string } from '../schema.ts'

export const apiVersions = api({
  key: 18,
  name: 'ApiVersions',
  versions: [0, 5],
  flexible: 3,
  request: {
    clientSoftwareName: string.since(3).ignorable(),
    clientSoftwareVersion: string.since(3).ignorable(),
    clusterId: string.since(5).nullable().default(null).ignorable(),
    nodeId: int32.since(5).default(-1).ignorable(),
  },
  response: {
    errorCode: int16,
    apiKeys: array({
      apiKey: int16,
      minVersion: int16,
      maxVersion: int16,
    }),
    throttleTimeMs: int32.since(1).ignorable(),
    supportedFeatures: array({
      name: string,
      minVersion: int16,
      maxVersion: int16,
    })
      .tag(0, 3)
      .ignorable(),
    finalizedFeaturesEpoch: int64.tag(1, 3).default(-1).ignorable(),
    finalizedFeatures: array({
      name: string,
      maxVersionLevel: int16,
      minVersionLevel: int16,
    })
      .tag(2, 3)
      .ignorable(),
    zkMigrationReady: bool.tag(3, 3).default(false).ignorable(),
  },
})
