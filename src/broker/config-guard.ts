import { ErrorCode } from '../protocol/errors.ts'
import type { ItemError } from './coordinator/controller/command.ts'
import { RESOURCE_TYPE } from './coordinator/controller/metadata-image.ts'
import type { Call } from './dispatcher.ts'
import { CLUSTER_NAME } from './security/authorizer.ts'

/**
 * Why the caller may not see or alter the configs of a resource; undefined when it may, and for types that do not exist. Topics and
 * groups guard their own, the cluster those of brokers, loggers and client metrics.
 */
export function configRefusal(
  call: Call,
  operation: 'DESCRIBE_CONFIGS' | 'ALTER_CONFIGS',
  { resourceType, resourceName }: { readonly resourceType: number; readonly resourceName: string },
): ItemError | undefined {
  switch (resourceType) {
    case RESOURCE_TYPE.TOPIC:
      if (call.may(operation, 'TOPIC', resourceName)) return undefined
      return { errorCode: ErrorCode.TOPIC_AUTHORIZATION_FAILED, errorMessage: 'Topic authorization failed.' }
    case RESOURCE_TYPE.GROUP:
      if (call.may(operation, 'GROUP', resourceName)) return undefined
      return { errorCode: ErrorCode.GROUP_AUTHORIZATION_FAILED, errorMessage: 'Group authorization failed.' }
    case RESOURCE_TYPE.BROKER:
    case RESOURCE_TYPE.BROKER_LOGGER:
    case RESOURCE_TYPE.CLIENT_METRICS:
      if (call.may(operation, 'CLUSTER', CLUSTER_NAME)) return undefined
      return { errorCode: ErrorCode.CLUSTER_AUTHORIZATION_FAILED, errorMessage: 'Cluster authorization failed.' }
    default:
      return undefined
  }
}
