// Which versions a broker speaks, and the choice of one that both sides know.
import { HeliostatError } from '../platform/errors.ts'
import type { Address } from '../platform/platform.ts'
import { ErrorCode } from '../protocol/errors.ts'
import { apiVersions } from '../protocol/messages/api-versions.ts'
import type { Api, Response } from '../protocol/schema.ts'
import type { Connection } from './connection.ts'
import { refusal } from './refusal.ts'

// Every Kafka 4 answers this one at once; the next only adds a check of the cluster id, which we make ourselves.
const FIRST_ASKED_VERSION = 4
const SOFTWARE = { clientSoftwareName: 'heliostat', clientSoftwareVersion: '0.1.0' }

export class VersionTable {
  readonly #ranges: ReadonlyMap<number, { readonly minVersion: number; readonly maxVersion: number }>

  constructor(apiKeys: Response<typeof apiVersions>['apiKeys']) {
    this.#ranges = new Map(apiKeys.map((range) => [range.apiKey, range]))
  }

  highestCommon(api: Api, remote: Address): number {
    const range = this.#ranges.get(api.key)
    const version = Math.min(api.versions[1], range?.maxVersion ?? -1)
    if (range && version >= api.versions[0] && version >= range.minVersion) return version
    const theirs = range ? `has its versions ${range.minVersion} to ${range.maxVersion}` : 'does not have it'
    const message = `${api.name} cannot be asked of ${remote.host}:${remote.port}: the broker ${theirs}, heliostat has ${api.versions.join(' to ')}`
    throw new HeliostatError('HEL_UNSUPPORTED_API', message, { where: { api: api.name, ...remote } })
  }
}

/** Asks in our version; an older broker says which one it has, or nothing, and then version 0 is always understood. */
export async function askVersions(connection: Connection): Promise<VersionTable> {
  let version = FIRST_ASKED_VERSION
  for (;;) {
    const { errorCode, apiKeys } = await connection.send(apiVersions, SOFTWARE, { version })
    if (errorCode === ErrorCode.NONE) return new VersionTable(apiKeys)
    if (errorCode !== ErrorCode.UNSUPPORTED_VERSION || version === 0) throw refused(connection.remote, errorCode)
    const offered = apiKeys.find(({ apiKey }) => apiKey === apiVersions.key)?.maxVersion ?? 0
    version = offered >= 0 && offered < version ? offered : 0
  }
}

function refused(remote: Address, errorCode: number): HeliostatError {
  const what = `${remote.host}:${remote.port} does not say which versions it speaks`
  return refusal('HEL_PROTOCOL', what, errorCode, { retriable: false, where: { ...remote } })
}
