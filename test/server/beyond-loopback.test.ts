// A server that other machines reach: under TLS, with a certificate that may be rotated, and nothing but its health without a token.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { get } from 'node:https'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { loadConfig } from '../../src/config/config.ts'
import { startDaemon } from '../../src/daemon.ts'
import { nodePlatform } from '../../src/platform/node-platform.ts'
import { makeCertificates } from '../support/certificate.ts'

const text = `
version: 1
clusters: { east: { bootstrap: ["127.0.0.1:1"] }, west: { bootstrap: ["127.0.0.1:2"] } }
mirrors: [{ from: east, to: west }]
server: { listen: "0.0.0.0:0", tls: { cert: { file: server.pem }, key: { file: server.key } }, tokens: [s3cret] }
`

test('a server beyond loopback speaks TLS, and tells strangers of nothing but its health', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'heliostat-server-'))
  onTestFinished(() => rmSync(directory, { recursive: true, force: true }))
  const write = (name: string, content: string) => writeFileSync(join(directory, name), content, { mode: 0o600 })
  const [first, second] = [makeCertificates(), makeCertificates()]
  write('server.pem', first.server.cert)
  write('server.key', first.server.key)
  const { config } = loadConfig(text, 'test.yaml', {})
  const platform = nodePlatform({ log: { level: 'silent' } })
  const daemon = await startDaemon(platform, config, { version: 'test', directory })
  onTestFinished(() => daemon.stop())
  const { protocol, port } = new URL(daemon.url)
  expect(protocol).toBe('https:')
  const ask = (path: string, { token, ca = first.ca, origin }: { token?: string; ca?: string; origin?: string } = {}) =>
    new Promise<number | string>((resolve) => {
      const headers = {
        ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
        ...(origin === undefined ? {} : { origin }),
      }
      get({ host: '127.0.0.1', port, path, ca, headers, agent: false }, (answer) => {
        answer.resume()
        resolve(answer.statusCode!)
      }).on('error', (error: NodeJS.ErrnoException) => resolve(error.code!))
    })
  expect(await ask('/healthz')).toBe(200)
  expect(await ask('/readyz')).toBe(503)
  for (const path of ['/metrics', '/api/v1/flows', '/readyz?verbose']) {
    expect([path, await ask(path)]).toEqual([path, 401])
    expect([path, await ask(path, { token: 's3cret' })]).toEqual([path, path.startsWith('/readyz') ? 503 : 200])
  }
  const origin = (scheme: string) => ask('/api/v1/flows', { token: 's3cret', origin: `${scheme}://127.0.0.1:${port}` })
  expect([await origin('https'), await origin('http')]).toEqual([200, 403])
  // Half of a rotation, and then the whole of it.
  write('server.pem', second.server.cert)
  expect(await ask('/healthz')).toBe(200)
  write('server.key', second.server.key)
  expect(await ask('/healthz')).toBe('UNABLE_TO_VERIFY_LEAF_SIGNATURE')
  expect(await ask('/healthz', { ca: second.ca })).toBe(200)
})
