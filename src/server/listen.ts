import { createServer, type Server as HttpsServer } from 'node:https'
import { serve } from '@hono/node-server'
import { HeliostatError } from '../platform/errors.ts'
import type { Address, TlsOptions } from '../platform/platform.ts'

export interface Server {
  readonly port: number
  close(): Promise<void>
}

type Fetch = Parameters<typeof serve>[0]['fetch']

/**
 * Resolves when the address answers; an address that is taken is an error that says so. `tls` is asked anew for every connection, so that
 * certificates can be rotated. `said`: where the address was said.
 */
export function listen(
  fetch: Fetch,
  { host, port }: Address,
  { tls, said = 'server.listen' }: { tls?: (() => TlsOptions) | undefined; said?: string } = {},
): Promise<Server> {
  return new Promise((resolve, reject) => {
    const secured = tls && { createServer, serverOptions: { minVersion: 'TLSv1.2', ...certificateOf(tls()) } as const }
    const server = serve({ fetch, hostname: host, port, ...secured }, (address) => {
      const close = () =>
        new Promise<void>((closed) => {
          server.close(() => closed())
          // A page that polls keeps its connection open; it must not keep the daemon.
          if ('closeAllConnections' in server) server.closeAllConnections()
        })
      resolve({ port: address.port, close })
    })
    if (tls) followCertificate(server as HttpsServer, tls)
    server.once('error', (error: NodeJS.ErrnoException) => {
      const reason =
        error.code === 'EADDRINUSE' ? `is in use; ${said} names another` : `cannot be listened on (${error.code})`
      reject(new HeliostatError('HEL_LISTEN', `${host}:${port} ${reason}`, { cause: error, where: { host, port } }))
    })
  })
}

const certificateOf = ({ cert, key }: TlsOptions) => ({ cert, key })

/** Before Node begins the handshake of a connection; the same certificate is not loaded again. */
function followCertificate(server: HttpsServer, tls: () => TlsOptions): void {
  let last = tls()
  server.prependListener('connection', () => {
    const now = tls()
    if (now !== last) server.setSecureContext(certificateOf(now))
    last = now
  })
}
