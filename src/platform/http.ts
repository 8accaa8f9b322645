// What is asked of an HTTP server, and what it answers; bounded in bytes and in time.
import type { TlsOptions } from './platform.ts'

export interface HttpPost {
  readonly url: URL
  readonly headers: Readonly<Record<string, string>>
  readonly body: string
  /** Of https: URLs. */
  readonly tls: Pick<TlsOptions, 'ca'>
  readonly timeoutMs: number
  readonly answerBytesMax: number
}

export interface HttpAnswer {
  readonly status: number
  readonly body: string
}

/** Rejects with a HeliostatError when there is no whole answer; any status is an answer. */
export type PostHttp = (post: HttpPost) => Promise<HttpAnswer>
