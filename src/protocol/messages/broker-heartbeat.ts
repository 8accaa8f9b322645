// BrokerHeartbeat, key 63, versions 0–2. A broker tells the controller that it is alive, how far it follows the metadata, and whether
// it wants to be fenced or to stop (KIP-631). v1: failed log directories (KIP-858). v2: cordoned ones (KIP-1066).

import { api, array, bool, int16, int32, int64, uuid } from '../schema.ts'

export const brokerHeartbeat = api({
  key: 63,
  name: 'BrokerHeartbeat',
  versions: [0, 2],
  flexible: 0,
  request: {
    brokerId: int32,
    brokerEpoch: int64.default(-1),
    currentMetadataOffset: int64,
    wantFence: bool,
    wantShutDown: bool,
    offlineLogDirs: array(uuid).tag(0, 1),
    cordonedLogDirs: array(uuid).tag(1, 2),
  },
  response: {
    throttleTimeMs: int32,
    errorCode: int16,
    isCaughtUp: bool,
    isFenced: bool.default(true),
    shouldShutDown: bool,
  },
})
