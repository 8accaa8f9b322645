// DescribeCluster (key 60), versions 0–2 (KIP-700).
//
// - Cluster id, controller, brokers with their addresses on the listener of the request; authorized operations when asked for.
// - v1+: endpoint type 1 (brokers); controllers have no listener of their own: MISMATCHED_ENDPOINT_TYPE (KIP-919). v2: fenced brokers
//   when asked for (KIP-1073).

import { ErrorCode } from '../../protocol/errors.ts'
import { describeCluster } from '../../protocol/messages/describe-cluster.ts'
import { authorizedClusterOperations } from '../authorized-operations.ts'
import { serve } from '../dispatcher.ts'
import { reachableBrokers, registeredBrokers } from '../reachable-brokers.ts'

const BROKERS = 1
const CONTROLLERS = 2

export const serveDescribeCluster = serve(describeCluster, [0, 2], (broker, request, call) => {
  const { clusterId, controllerId, image } = broker
  const { endpointType } = request
  if (endpointType !== BROKERS) {
    const known = endpointType === CONTROLLERS
    return {
      throttleTimeMs: 0,
      errorCode: known ? ErrorCode.MISMATCHED_ENDPOINT_TYPE : ErrorCode.UNSUPPORTED_ENDPOINT_TYPE,
      errorMessage: known
        ? 'The request was sent to an endpoint of type BROKER, but we wanted an endpoint of type CONTROLLER'
        : `Unsupported endpoint type ${endpointType}`,
      endpointType: BROKERS,
      clusterId: '',
      brokers: [],
    }
  }
  const known = request.includeFencedBrokers
    ? registeredBrokers(image, call.listener)
    : reachableBrokers(image, call.listener)
  return {
    throttleTimeMs: 0,
    errorCode: ErrorCode.NONE,
    endpointType,
    clusterId,
    controllerId,
    brokers: known.map(({ nodeId, ...broker }) => ({ brokerId: nodeId, ...broker })),
    clusterAuthorizedOperations: authorizedClusterOperations(call, request.includeClusterAuthorizedOperations),
  }
})
