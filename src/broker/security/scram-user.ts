// Users with which a cluster starts, in the words of `kafka-storage format --add-scram`:
//
//   SCRAM-SHA-256=[name=alice,password=alice-secret]          also iterations=8192, salt="base64"
//
// They are added where they are not there yet: a password that was changed later stays.

import { HeliostatError } from '../../platform/errors.ts'
import type { Random } from '../../platform/platform.ts'
import { ErrorCode } from '../../protocol/errors.ts'
import { SCRAM_ITERATIONS_MIN, saltedPassword } from '../../protocol/scram.ts'
import type { Controller } from '../coordinator/controller/controller.ts'
import type { ReadonlyMetadataImage } from '../coordinator/controller/metadata-image.ts'
import { SCRAM_MECHANISMS, type ScramMechanism } from './scram-credential.ts'

export interface ScramUser {
  readonly mechanism: ScramMechanism
  readonly name: string
  readonly password: string
  readonly iterations: number
  /** Absent: a fresh one. */
  readonly salt: Buffer | undefined
}

const FIELDS = ['name', 'password', 'iterations', 'salt']
const SALT_BYTES = 24

/** Throws HEL_CONFIG, which never tells the password. */
export function parseScramUser(text: string): ScramUser {
  const [, mechanismName, list] = /^\s*([\w-]+)\s*=\s*\[(.*)\]\s*$/s.exec(text) ?? []
  if (list === undefined) throw wrong('it is not MECHANISM=[name=USER,password=SECRET]')
  const mechanism = SCRAM_MECHANISMS.find(({ name }) => name === mechanismName)
  if (!mechanism) throw wrong(`${mechanismName} is none of ${SCRAM_MECHANISMS.map(({ name }) => name).join(', ')}`)
  const fields = fieldsOf(list)
  const name = fields.get('name')
  const password = fields.get('password')
  if (!name) throw wrong('there is no name')
  if (!password) throw wrong(`${name} has no password`)
  const iterations = fields.get('iterations') ?? String(SCRAM_ITERATIONS_MIN)
  if (!/^\d{1,6}$/.test(iterations)) throw wrong(`${name}: iterations is no number: ${iterations}`)
  const salt = fields.get('salt')
  const saltBytes = salt === undefined ? undefined : Buffer.from(salt, 'base64')
  return { mechanism, name, password, iterations: Number(iterations), salt: saltBytes }
}

/** `name=value` with commas between; a value may be quoted. */
function fieldsOf(list: string): Map<string, string> {
  const fields = new Map<string, string>()
  for (const [, name = '', quoted, bare] of list.matchAll(/\s*([^=,]+?)\s*=\s*(?:"([^"]*)"|([^,]*))\s*(?:,|$)/g)) {
    if (!FIELDS.includes(name)) throw wrong(`${name} is none of ${FIELDS.join(', ')}`)
    fields.set(name, quoted ?? bare ?? '')
  }
  return fields
}

export async function addScramUsers(
  controller: Controller,
  image: ReadonlyMetadataImage,
  random: Random,
  users: readonly ScramUser[],
): Promise<void> {
  for (const { mechanism, name, password, iterations, salt = random.bytes(SALT_BYTES) } of users) {
    if (image.scramCredentials(name).has(mechanism.type)) continue
    const salted = await saltedPassword(mechanism.hash, password, salt, iterations)
    const upsertion = { name, mechanism: mechanism.type, iterations, salt, saltedPassword: salted }
    const reply = await controller.ask({ type: 'alter-scram-credentials', deletions: [], upsertions: [upsertion] })
    const [{ errorCode, errorMessage }] = reply.users as [(typeof reply.users)[number]]
    if (errorCode !== ErrorCode.NONE) throw wrong(`${name}: ${errorMessage}`)
  }
}

function wrong(complaint: string): HeliostatError {
  return new HeliostatError('HEL_CONFIG', `addScram: ${complaint}`, { where: { option: 'addScram' } })
}
