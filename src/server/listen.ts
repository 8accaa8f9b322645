import { serve } from '@hono/node-server'
import { HeliostatError } from '../platform/errors.ts'
import type { Address } from '../platform/platform.ts'

export interface Server {
  readonly port: number
  close(): Promise<void>
}

type Fetch = Parameters<typeof serve>[0]['fetch']

/** Resolves when the address answers; an address that is taken is an error that says so. */
export function listen(fetch: Fetch, { host, port }: Address): Promise<Server> {
  return new Promise((resolve, reject) => {
    const server = serve({ fetch, hostname: host, port }, (address) => {
      const close = () =>
        new Promise<void>((closed) => {
          server.close(() => closed())
          // A page that polls keeps its connection open; it must not keep the daemon.
          if ('closeAllConnections' in server) server.closeAllConnections()
        })
      resolve({ port: address.port, close })
    })
    server.once('error', (error: NodeJS.ErrnoException) => {
      const reason =
        error.code === 'EADDRINUSE' ? 'is in use; server.listen names another' : `cannot be listened on (${error.code})`
      reject(new HeliostatError('HEL_LISTEN', `${host}:${port} ${reason}`, { cause: error, where: { host, port } }))
    })
  })
}
