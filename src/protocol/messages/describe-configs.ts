// DescribeConfigs, key 32, versions 1–4. Configs of topics (resource type 2), brokers (4), groups (32).
// v1: source and synonyms (KIP-226). v2: throttled after the response. v3: type and documentation (KIP-569). v4: flexible.

import { api, array, bool, int8, int16, int32, string } from '../schema.ts'

export const describeConfigs = api({
  key: 32,
  name: 'DescribeConfigs',
  versions: [1, 4],
  flexible: 4,
  request: {
    resources: array({
      resourceType: int8,
      resourceName: string,
      configurationKeys: array(string).nullable(),
    }),
    includeSynonyms: bool.default(false),
    includeDocumentation: bool.since(3).default(false),
  },
  response: {
    throttleTimeMs: int32,
    results: array({
      errorCode: int16,
      errorMessage: string.nullable(),
      resourceType: int8,
      resourceName: string,
      configs: array({
        name: string,
        value: string.nullable(),
        readOnly: bool,
        configSource: int8.default(-1).ignorable(),
        isSensitive: bool,
        synonyms: array({
          name: string,
          value: string.nullable(),
          source: int8,
        }).ignorable(),
        configType: int8.since(3).default(0).ignorable(),
        documentation: string.since(3).nullable().ignorable(),
      }),
    }),
  },
})
