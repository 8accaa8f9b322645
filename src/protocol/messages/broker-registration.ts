// BrokerRegistration, key 62, versions 0–4. A broker tells the controller that it has started, and where it can be reached (KIP-631).
// v1: ZooKeeper migration, which is over. v2: log directories (KIP-858). v3: the epoch of its last clean shutdown (KIP-966).
// v4: features whose lowest level is 0 (KIP-1022).

import { api, array, bool, int16, int32, int64, string, uint16, uuid } from '../schema.ts'

export const brokerRegistration = api({
  key: 62,
  name: 'BrokerRegistration',
  versions: [0, 4],
  flexible: 0,
  request: {
    brokerId: int32,
    clusterId: string,
    incarnationId: uuid,
    listeners: array({ name: string, host: string, port: uint16, securityProtocol: int16 }),
    features: array({ name: string, minSupportedVersion: int16, maxSupportedVersion: int16 }),
    rack: string.nullable(),
    isMigratingZkBroker: bool.since(1),
    logDirs: array(uuid).since(2).ignorable(),
    previousBrokerEpoch: int64.since(3).default(-1).ignorable(),
  },
  response: {
    throttleTimeMs: int32,
    errorCode: int16,
    brokerEpoch: int64.default(-1),
  },
})
