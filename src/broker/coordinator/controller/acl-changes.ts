// Which access rules CreateAcls adds and DeleteAcls removes (Kafka's AclControlManager).
//
// - Rules that are there, or stand twice in the request, are created once and answered without an error.
// - Filters look at the rules before the request; a rule that several of them find is told by each and removed once.

import { ErrorCode } from '../../../protocol/errors.ts'
import { type Acl, type AclFilter, matches, whyInvalidAcl, whyInvalidFilter } from '../../security/acl.ts'
import { AclSet, type ReadonlyAclSet } from '../../security/acl-set.ts'
import type { CreateAclsCommand, ItemError } from './command.ts'
import type { MetadataRecord } from './metadata-record.ts'
import { invalid } from './topic-creation.ts'

/** More would make one unit of the log too large. */
const CHANGES_PER_REQUEST_MAX = 10_000
const NAME_BYTES_PER_REQUEST_MAX = 6 * 1024 * 1024
const TOO_MANY = invalid('POLICY_VIOLATION', 'Unable to perform excessively large batch operation.')
const CREATED: ItemError = { errorCode: ErrorCode.NONE, errorMessage: '' }

export function decideAclCreations(present: ReadonlyAclSet, creations: CreateAclsCommand['acls']) {
  const added = new AclSet()
  const results = creations.map(({ id, ...acl }) => {
    const complaint = whyInvalidAcl(acl)
    if (complaint !== undefined) return invalid('INVALID_REQUEST', complaint)
    if (!present.has(acl) && !added.has(acl)) added.add(id, acl)
    return CREATED
  })
  if (added.size > CHANGES_PER_REQUEST_MAX || nameBytes(added) > NAME_BYTES_PER_REQUEST_MAX) {
    return { reply: { results: results.map(() => TOO_MANY) }, records: [] }
  }
  const records = [...added.entries()].map(
    ([id, acl]): MetadataRecord => ({ type: 'access-control-entry', id, ...acl }),
  )
  return { reply: { results }, records }
}

function nameBytes(acls: ReadonlyAclSet): number {
  let bytes = 0
  for (const [, { resourceName, principal, host }] of acls.entries()) {
    bytes += Buffer.byteLength(resourceName) + Buffer.byteLength(principal) + Buffer.byteLength(host)
  }
  return bytes
}

export function decideAclDeletions(present: ReadonlyAclSet, filters: readonly AclFilter[]) {
  const removed = new Set<string>()
  const results = filters.map((filter): ItemError & { deleted: readonly Acl[] } => {
    const complaint = whyInvalidFilter(filter)
    if (complaint !== undefined) return { ...invalid('INVALID_REQUEST', complaint), deleted: [] }
    const found = [...present.entries()].filter(([, acl]) => matches(filter, acl))
    const all = new Set([...removed, ...found.map(([id]) => id)])
    if (all.size > CHANGES_PER_REQUEST_MAX) return { ...TOO_MANY, deleted: [] }
    for (const id of all) removed.add(id)
    return { errorCode: ErrorCode.NONE, errorMessage: null, deleted: found.map(([, acl]) => acl) }
  })
  const records = [...removed].map((id): MetadataRecord => ({ type: 'remove-access-control-entry', id }))
  return { reply: { results }, records }
}
