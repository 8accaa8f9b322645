import { HeliostatError } from '../platform/errors.ts'
import { flowNamed } from './flow-session.ts'

/** Where a running daemon answers, and what it wants to be told first. */
export interface DaemonAddress {
  readonly url: string
  readonly token?: string
}

/** The JSON that a running daemon answers to a GET of this path. */
export async function askDaemon(
  { url, token = process.env['HELIOSTAT_TOKEN'] }: DaemonAddress,
  path: string,
  elsewhere = ', or give the configuration to ask the clusters themselves',
): Promise<unknown> {
  const address = `${url.replace(/\/$/, '')}${path}`
  let answer: Response
  try {
    answer = await fetch(address, { headers: token ? { authorization: `Bearer ${token}` } : {} })
  } catch (error) {
    const message = `no daemon answers at ${url}; --url names another${elsewhere}`
    throw new HeliostatError('HEL_UNREACHABLE', message, { cause: error, where: { url } })
  }
  if (answer.ok) return answer.json()
  const hint = answer.status === 401 ? '; --token or HELIOSTAT_TOKEN gives one' : ''
  throw new HeliostatError(
    'HEL_REFUSED',
    `${address} answers ${answer.status}: ${(await answer.text()).slice(0, 200)}${hint}`,
  )
}

/** The names of the daemon's flows, or the one that is wanted. */
export async function flowsOf(options: DaemonAddress & { readonly flow?: string }): Promise<string[]> {
  const names = ((await askDaemon(options, '/api/v1/flows')) as { flow: string }[]).map(({ flow }) => flow)
  return options.flow === undefined ? names : [flowNamed(options.flow, names)]
}
