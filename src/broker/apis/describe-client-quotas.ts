// DescribeClientQuotas (key 48), versions 0–1 (KIP-546).
//
// - The quotas of the entities that match every component of the filter: by name, the default, or any. Strict: the entity has no
//   other parts. No component: all.
// - INVALID_REQUEST for a type twice, an address beside a user or client id, a match that does not fit its type;
//   UNSUPPORTED_VERSION for an unknown entity type.
// - Needs DESCRIBE_CONFIGS on the cluster: CLUSTER_AUTHORIZATION_FAILED.

import { ErrorCode } from '../../protocol/errors.ts'
import { describeClientQuotas } from '../../protocol/messages/describe-client-quotas.ts'
import type { Request } from '../../protocol/schema.ts'
import type { ItemError } from '../coordinator/controller/command.ts'
import { invalid } from '../coordinator/controller/topic-creation.ts'
import { serve } from '../dispatcher.ts'
import { ENTITY_TYPES, type EntityType, isEntityType, type QuotaEntity } from '../quota/quota-entity.ts'
import { CLUSTER_NAME } from '../security/authorizer.ts'

const MATCH = { EXACT: 0, DEFAULT: 1, SPECIFIED: 2 } as const

type Component = Request<typeof describeClientQuotas>['components'][number]
/** A name, null for the default, undefined for any. */
type Filter = ReadonlyMap<EntityType, string | null | undefined>

export const serveDescribeClientQuotas = serve(describeClientQuotas, [0, 1], (broker, request, call) => {
  if (!call.may('DESCRIBE_CONFIGS', 'CLUSTER', CLUSTER_NAME)) {
    return refused(invalid('CLUSTER_AUTHORIZATION_FAILED', 'Cluster authorization failed.'))
  }
  const filter = filterOf(request.components)
  if ('errorCode' in filter) return refused(filter)
  const entries = [...broker.image.quotas.entries]
    .filter(({ entity }) => matches(entity, filter, request.strict))
    .map(({ entity, quotas }) => ({
      entity: ENTITY_TYPES.filter((type) => type in entity).map((entityType) => {
        return { entityType, entityName: entity[entityType] ?? null }
      }),
      values: [...quotas].map(([key, value]) => ({ key, value })),
    }))
  return { throttleTimeMs: 0, errorCode: ErrorCode.NONE, errorMessage: '', entries }
})

function refused(error: ItemError) {
  return { throttleTimeMs: 0, ...error, entries: null }
}

function filterOf(components: readonly Component[]): Filter | ItemError {
  const filter = new Map<EntityType, string | null | undefined>()
  for (const component of components) {
    const { entityType, matchType, match } = component
    if (entityType === '') return invalid('INVALID_REQUEST', 'Invalid empty entity type.')
    if (filter.has(entityType as EntityType)) {
      return invalid('INVALID_REQUEST', `Entity type ${entityType} cannot appear more than once in the filter.`)
    }
    if (!isEntityType(entityType)) {
      return invalid('UNSUPPORTED_VERSION', `Unsupported entity type ${entityType}`)
    }
    const complaint = matchComplaint(component)
    if (complaint !== undefined) return invalid('INVALID_REQUEST', complaint)
    filter.set(entityType, matchType === MATCH.SPECIFIED ? undefined : match)
  }
  if (!filter.has('ip') || filter.size === 1) return filter
  const message =
    'Invalid entity filter component combination. IP filter component should not be used with user or clientId filter component.'
  return invalid('INVALID_REQUEST', message)
}

function matchComplaint({ matchType, match }: Component): string | undefined {
  switch (matchType) {
    case MATCH.EXACT:
      return match === null ? 'Request specified MATCH_TYPE_EXACT, but set match string to null.' : undefined
    case MATCH.DEFAULT:
      return match === null ? undefined : 'Request specified MATCH_TYPE_DEFAULT, but also specified a match string.'
    case MATCH.SPECIFIED:
      return match === null ? undefined : 'Request specified MATCH_TYPE_SPECIFIED, but also specified a match string.'
    default:
      return `Unknown match type ${matchType}`
  }
}

function matches(entity: QuotaEntity, filter: Filter, strict: boolean): boolean {
  if (strict && Object.keys(entity).length !== filter.size) return false
  return [...filter].every(([type, match]) => type in entity && (match === undefined || entity[type] === match))
}
