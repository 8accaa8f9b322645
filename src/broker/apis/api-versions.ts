// ApiVersions (key 18), versions 0–4.
//
// - Lists what this broker serves. Produce is listed from 0 although 3 is the first served: librdkafka takes a higher minimum for a
//   broker without compression (KAFKA-18659).
// - A version that is not served is answered in the form of version 0 with UNSUPPORTED_VERSION and this API's own range (KIP-511);
//   the dispatcher does that, as it must not decode the body.
// - v3+: INVALID_REQUEST when the client's software name or version is not as KIP-511 wants them.
// - v3+: features (KIP-584): what this broker knows, and what the cluster has finalized. Before v4 those that may be at level 0 are not
//   in the first list, as older clients cannot read them (KAFKA-17492).
// - Left out: v5, not in Kafka 4.2.

import { decodeRequest, type RequestHeader } from '../../protocol/codec.ts'
import { ErrorCode } from '../../protocol/errors.ts'
import { apiVersions } from '../../protocol/messages/api-versions.ts'
import type { Request } from '../../protocol/schema.ts'
import { serve } from '../dispatcher.ts'
import { FEATURES, finalizedFeatures } from '../features.ts'

const FIRST_VERSION_WITH_LEVEL_0 = 4

const SOFTWARE = /^[a-zA-Z0-9](?:[a-zA-Z0-9\-.]*[a-zA-Z0-9])?$/

export const serveApiVersions = serve(apiVersions, [0, 4], (broker, request, { version, served }) => {
  if (version >= 3 && !isNamed(request)) return { errorCode: ErrorCode.INVALID_REQUEST, apiKeys: [], throttleTimeMs: 0 }
  const apiKeys = served.map(({ api, advertisedMinVersion, maxVersion }) => ({
    apiKey: api.key,
    minVersion: advertisedMinVersion,
    maxVersion,
  }))
  const readable = FEATURES.filter(({ minLevel }) => minLevel > 0 || version >= FIRST_VERSION_WITH_LEVEL_0)
  return {
    errorCode: ErrorCode.NONE,
    apiKeys,
    throttleTimeMs: 0,
    supportedFeatures: readable.map(({ name, minLevel, maxLevel }) => ({
      name,
      minVersion: minLevel,
      maxVersion: maxLevel,
    })),
    finalizedFeaturesEpoch: broker.image.featuresEpoch,
    finalizedFeatures: finalizedFeatures(broker.image).map(({ name, level }) => ({
      name,
      maxVersionLevel: level,
      minVersionLevel: level,
    })),
  }
})

/** Whether the request will be answered without an error, which is when a login can go on. Throws DecodeError. */
export function isAnswerable(frame: Buffer, { apiVersion, bodyOffset }: RequestHeader): boolean {
  if (apiVersion < serveApiVersions.minVersion || apiVersion > serveApiVersions.maxVersion) return false
  return apiVersion < 3 || isNamed(decodeRequest(apiVersions, apiVersion, frame, bodyOffset))
}

function isNamed({ clientSoftwareName, clientSoftwareVersion }: Request<typeof apiVersions>): boolean {
  return SOFTWARE.test(clientSoftwareName) && SOFTWARE.test(clientSoftwareVersion)
}
