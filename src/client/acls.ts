// Access rules of one cluster, read and written by our own codec. The numbers are Kafka's (org.apache.kafka.common.acl).
import { HeliostatError } from '../platform/errors.ts'
import { ErrorCode, errorOf } from '../protocol/errors.ts'
import { createAcls } from '../protocol/messages/create-acls.ts'
import { deleteAcls } from '../protocol/messages/delete-acls.ts'
import { describeAcls } from '../protocol/messages/describe-acls.ts'
import type { ClusterClient } from './cluster-client.ts'

export const ACL_RESOURCE = { TOPIC: 2, GROUP: 3 } as const
export const ACL_PATTERN = { LITERAL: 3, PREFIXED: 4 } as const
export const ACL_PERMISSION = { DENY: 2, ALLOW: 3 } as const
export const ACL_OPERATION = {
  ALL: 2,
  READ: 3,
  WRITE: 4,
  CREATE: 5,
  DELETE: 6,
  ALTER: 7,
  DESCRIBE: 8,
  DESCRIBE_CONFIGS: 10,
  ALTER_CONFIGS: 11,
} as const

const ANY = 1
const RULES_PER_REQUEST = 500

export interface Acl {
  readonly resourceType: number
  readonly resourceName: string
  readonly patternType: number
  /** `User:alice`; `User:*` is everybody. */
  readonly principal: string
  readonly host: string
  readonly operation: number
  readonly permissionType: number
}

export interface RefusedAcl {
  readonly acl: Acl
  readonly reason: string
}

/** All rules for one type of resource; undefined where no authorizer is on. */
export async function readAcls(client: ClusterClient, resourceType: number): Promise<readonly Acl[] | undefined> {
  const response = await client.send(describeAcls, {
    resourceTypeFilter: resourceType,
    resourceNameFilter: null,
    patternTypeFilter: ANY,
    principalFilter: null,
    hostFilter: null,
    operation: ANY,
    permissionType: ANY,
  })
  if (response.errorCode === ErrorCode.SECURITY_DISABLED) return undefined
  if (response.errorCode !== ErrorCode.NONE)
    throw failure(client, 'the access rules cannot be read', response.errorCode, response.errorMessage)
  return response.resources.flatMap(({ acls, ...resource }) => acls.map((acl) => ({ ...resource, ...acl })))
}

/** What is refused is told; what is there already counts as made. */
export async function makeAcls(client: ClusterClient, acls: readonly Acl[]): Promise<readonly RefusedAcl[]> {
  const refused: RefusedAcl[] = []
  for (const turn of turns(acls)) {
    const controller = await client.controller()
    const creations = turn.map(({ patternType, ...acl }) => ({ ...acl, resourcePatternType: patternType }))
    const { results } = await controller.send(createAcls, { creations })
    refused.push(...refusedOf(client, turn, results, 'made'))
  }
  return refused
}

/** Removes exactly these rules. */
export async function removeAcls(client: ClusterClient, acls: readonly Acl[]): Promise<readonly RefusedAcl[]> {
  const refused: RefusedAcl[] = []
  for (const turn of turns(acls)) {
    const controller = await client.controller()
    const filters = turn.map(({ resourceType, resourceName, patternType, principal, host, ...entry }) => ({
      resourceTypeFilter: resourceType,
      resourceNameFilter: resourceName,
      patternTypeFilter: patternType,
      principalFilter: principal,
      hostFilter: host,
      ...entry,
    }))
    const { filterResults } = await controller.send(deleteAcls, { filters })
    refused.push(...refusedOf(client, turn, filterResults, 'removed'))
  }
  return refused
}

function turns(acls: readonly Acl[]): Acl[][] {
  const list: Acl[][] = []
  for (let at = 0; at < acls.length; at += RULES_PER_REQUEST) list.push(acls.slice(at, at + RULES_PER_REQUEST))
  return list
}

interface Result {
  readonly errorCode: number
  readonly errorMessage: string | null
}

function refusedOf(
  client: ClusterClient,
  acls: readonly Acl[],
  results: readonly Result[],
  verb: string,
): RefusedAcl[] {
  return acls.flatMap((acl, index) => {
    const { errorCode, errorMessage } = results[index] ?? {
      errorCode: ErrorCode.UNKNOWN_SERVER_ERROR,
      errorMessage: null,
    }
    if (errorCode === ErrorCode.NONE) return []
    // No rule fares better than this one: it is about the requester.
    if (errorCode === ErrorCode.CLUSTER_AUTHORIZATION_FAILED || errorOf(errorCode).retriable)
      throw failure(client, `the access rules cannot be ${verb}`, errorCode, errorMessage)
    return [{ acl, reason: `${errorOf(errorCode).name} (${errorMessage ?? errorOf(errorCode).message})` }]
  })
}

function failure(client: ClusterClient, what: string, errorCode: number, errorMessage: string | null): HeliostatError {
  const { name, message, retriable } = errorOf(errorCode)
  const right = what.endsWith('read') ? 'Describe' : 'Alter'
  const hint =
    errorCode === ErrorCode.CLUSTER_AUTHORIZATION_FAILED ? `; it takes the right ${right} on the cluster` : ''
  return new HeliostatError('HEL_ACLS', `${what} at ${client.name}: ${name} (${errorMessage ?? message})${hint}`, {
    retriable,
    where: { cluster: client.name, errorCode },
  })
}
