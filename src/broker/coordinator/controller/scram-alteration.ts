import { ErrorCode } from '../../../protocol/errors.ts'
import { SCRAM_ITERATIONS_MIN } from '../../../protocol/scram.ts'
import { SCRAM_ITERATIONS_MAX, SCRAM_MECHANISMS, scramCredential } from '../../security/scram-credential.ts'
import type { AlterScramCredentialsCommand, ItemError } from './command.ts'
import type { ReadonlyMetadataImage } from './metadata-image.ts'
import type { MetadataRecord } from './metadata-record.ts'
import { invalid } from './topic-creation.ts'

type Upsertion = AlterScramCredentialsCommand['upsertions'][number]
interface Credential {
  readonly name: string
  readonly mechanism: number
}

const TWICE = invalid('DUPLICATE_RESOURCE', 'A user credential cannot be altered twice in the same request')

/** Decides AlterUserScramCredentials (ScramControlManager): what is asked for a user is done, or refused with everything for that user. */
export function alterScramCredentials(image: ReadonlyMetadataImage, command: AlterScramCredentialsCommand) {
  const asked = [
    ...command.deletions.map((deletion) => ({ name: deletion.name, decide: () => remove(image, deletion) })),
    ...command.upsertions.map((upsertion) => ({ name: upsertion.name, decide: () => upsert(upsertion) })),
  ]
  const records: MetadataRecord[] = []
  const users = [...new Set(asked.map(({ name }) => name))].map((user) => {
    const ofUser = asked.filter(({ name }) => name === user)
    const decided = ofUser.length > 1 ? TWICE : ofUser[0]!.decide()
    if ('errorCode' in decided) return { user, ...decided }
    records.push(decided)
    return { user, errorCode: ErrorCode.NONE, errorMessage: null }
  })
  return { reply: { users }, records }
}

function remove(image: ReadonlyMetadataImage, { name, mechanism }: Credential): MetadataRecord | ItemError {
  const error = credentialError({ name, mechanism })
  if (error) return error
  if (!image.scramCredentials(name).has(mechanism)) {
    return invalid('RESOURCE_NOT_FOUND', 'Attempt to delete a user credential that does not exist')
  }
  return { type: 'remove-scram-credential', name, mechanism }
}

function upsert({ name, mechanism, iterations, salt, saltedPassword }: Upsertion): MetadataRecord | ItemError {
  const error = credentialError({ name, mechanism })
  if (error) return error
  if (iterations < SCRAM_ITERATIONS_MIN) return invalid('UNACCEPTABLE_CREDENTIAL', 'Too few iterations')
  if (iterations > SCRAM_ITERATIONS_MAX) return invalid('UNACCEPTABLE_CREDENTIAL', 'Too many iterations')
  const credential = scramCredential(mechanismOf(mechanism)!, saltedPassword, salt, iterations)
  return { type: 'scram-credential', name, mechanism, ...credential }
}

function credentialError({ name, mechanism }: Credential): ItemError | undefined {
  if (name === '') return invalid('UNACCEPTABLE_CREDENTIAL', 'Username must not be empty')
  if (mechanismOf(mechanism)) return undefined
  return invalid('UNSUPPORTED_SASL_MECHANISM', 'Unknown SCRAM mechanism')
}

function mechanismOf(type: number) {
  return SCRAM_MECHANISMS.find((mechanism) => mechanism.type === type)
}
