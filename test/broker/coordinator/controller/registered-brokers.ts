import { BrokerConfig } from '../../../../src/broker/broker-config.ts'
import {
  type ControllerConfig,
  ControllerMachine,
} from '../../../../src/broker/coordinator/controller/controller-machine.ts'
import type { MetadataRecord } from '../../../../src/broker/coordinator/controller/metadata-record.ts'
import { NO_PRODUCER } from '../../../../src/broker/coordinator/state-machine.ts'
import { FEATURES } from '../../../../src/broker/features.ts'
import type { Predecessor } from '../../../../src/broker/raft/quorum.ts'

export const features = FEATURES.map(({ name, minLevel, maxLevel }) => {
  return { name, minSupportedVersion: minLevel, maxSupportedVersion: maxLevel }
})

/** A registration as the log has it, of a broker that serves. */
export function registrationOf(brokerId: number): MetadataRecord {
  return {
    type: 'register-broker',
    brokerId,
    incarnationId: Buffer.alloc(16, brokerId).toString('base64url'),
    brokerEpoch: brokerId,
    endPoints: [{ name: 'PLAINTEXT', host: '127.0.0.1', port: 9000 + brokerId, securityProtocol: 0 }],
    features,
    rack: null,
    fenced: false,
    inControlledShutdown: false,
  }
}

/** A controller that follows a log in which these brokers serve. */
export function controllerOf(
  brokerIds: readonly number[],
  config: ControllerConfig = new BrokerConfig().controller,
  predecessor?: Predecessor,
) {
  const machine = new ControllerMachine(brokerIds[0]!, config, predecessor)
  let nextOffset = 0
  const replay = (record: MetadataRecord) => machine.replay(record, { offset: nextOffset++, producerId: NO_PRODUCER })
  for (const id of brokerIds) replay(registrationOf(id))
  return { machine, replay }
}
