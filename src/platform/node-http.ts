import { request as plainRequest } from 'node:http'
import { request as tlsRequest } from 'node:https'
import { HeliostatError } from './errors.ts'
import type { HttpAnswer, HttpPost } from './http.ts'
import { networkError } from './node-network.ts'

/** One request on a connection of its own: no redirects, no proxy, no cookies. */
export function nodeHttpPost({ url, headers, body, tls, timeoutMs, answerBytesMax }: HttpPost): Promise<HttpAnswer> {
  const isSecure = url.protocol === 'https:'
  const address = { host: url.hostname, port: Number(url.port || (isSecure ? 443 : 80)) }
  return new Promise((resolve, reject) => {
    const tooLate = AbortSignal.timeout(timeoutMs)
    const fail = (why: string, cause?: unknown) =>
      reject(new HeliostatError('HEL_HTTP', why, { retriable: true, cause, where: { ...address } }))
    const failed = (error: Error, otherwise: () => void) => {
      if (tooLate.aborted) fail(`there is no answer within ${timeoutMs} ms`, error)
      else otherwise()
    }
    const request = (isSecure ? tlsRequest : plainRequest)(url, {
      method: 'POST',
      headers: { ...headers, 'Content-Length': Buffer.byteLength(body) },
      agent: false,
      signal: tooLate,
      ...(isSecure && { ca: tls.ca, minVersion: 'TLSv1.2' }),
    })
    let isConnected = false
    request.on('socket', (socket) => socket.once(isSecure ? 'secureConnect' : 'connect', () => (isConnected = true)))
    request.on('error', (error) =>
      failed(error, () => reject(networkError(error, isConnected ? 'open' : 'dialling', address))),
    )
    request.on('response', (response) => {
      const chunks: Buffer[] = []
      let length = 0
      response.on('data', (chunk: Buffer) => {
        length += chunk.length
        chunks.push(chunk)
        if (length <= answerBytesMax) return
        fail(`the answer is larger than ${answerBytesMax} bytes`)
        request.destroy()
      })
      response.on('error', (error) => failed(error, () => fail('the connection ended before the answer did', error)))
      response.on('end', () => resolve({ status: response.statusCode!, body: Buffer.concat(chunks).toString() }))
    })
    request.end(body)
  })
}
