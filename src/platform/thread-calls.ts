// Two threads that call each other's functions by name. What a function answers comes back; so does its error, with code and place.
// A call of a thread that ends is refused, and what it answered too late is dropped.
import { HeliostatError } from './errors.ts'

type Functions = Readonly<Record<string, (...args: never[]) => unknown>>
type Name<Theirs> = keyof Theirs & string
type Args<Theirs, Of extends keyof Theirs> = Theirs[Of] extends (...args: infer A) => unknown ? A : never
type Answer<Theirs, Of extends keyof Theirs> = Theirs[Of] extends (...args: never[]) => infer R ? Awaited<R> : never

/** As posted: a call, with an id when an answer is wanted; or an answer. */
type Message =
  | { readonly call: string; readonly args: readonly unknown[]; readonly id?: number }
  | { readonly answerTo: number; readonly value?: unknown; readonly error?: PostedError }

interface PostedError {
  readonly message: string
  readonly code: string | undefined
  readonly retriable: boolean
  readonly where: Readonly<Record<string, unknown>>
}

interface Waiting {
  resolve(value: unknown): void
  reject(error: HeliostatError): void
}

/** 1. Every `ask` is settled once: by its answer, or by `close`. */
export class ThreadCalls<Theirs extends Functions> {
  readonly #own: Functions
  readonly #post: (message: unknown) => void
  readonly #waiting = new Map<number, Waiting>()
  #ids = 0
  #closed: HeliostatError | undefined

  constructor(own: Functions, post: (message: unknown) => void) {
    this.#own = own
    this.#post = post
  }

  /** Calls; nobody hears how it went, so it must not fail. */
  tell<Of extends Name<Theirs>>(call: Of, ...args: Args<Theirs, Of>): void {
    if (!this.#closed) this.#post({ call, args } satisfies Message)
  }

  ask<Of extends Name<Theirs>>(call: Of, ...args: Args<Theirs, Of>): Promise<Answer<Theirs, Of>> {
    return new Promise((resolve, reject) => {
      if (this.#closed) return reject(this.#closed)
      const id = ++this.#ids
      this.#waiting.set(id, { resolve: resolve as Waiting['resolve'], reject })
      this.#post({ call, args, id } satisfies Message)
    })
  }

  /** What the other thread posted. */
  received(posted: unknown): void {
    const message = posted as Message
    if ('call' in message) {
      if (message.id === undefined) this.#call(message.call, message.args)
      else void this.#answer(message.id, message.call, message.args)
      return
    }
    const waiting = this.#waiting.get(message.answerTo)
    this.#waiting.delete(message.answerTo)
    if (message.error) waiting?.reject(received(message.error))
    else waiting?.resolve(message.value)
  }

  /** The other thread has ended. */
  close(reason: HeliostatError): void {
    this.#closed = reason
    for (const { reject } of this.#waiting.values()) reject(reason)
    this.#waiting.clear()
  }

  async #answer(answerTo: number, call: string, args: readonly unknown[]): Promise<void> {
    try {
      const value = await this.#call(call, args)
      this.#post({ answerTo, value } satisfies Message)
    } catch (error) {
      this.#post({ answerTo, error: posted(error as Error) } satisfies Message)
    }
  }

  #call(call: string, args: readonly unknown[]): unknown {
    const own = this.#own[call]
    if (!own) throw new Error(`no function ${call} on this thread`)
    return own(...(args as never[]))
  }
}

function posted(error: Error): PostedError {
  const { message } = error
  if (!(error instanceof HeliostatError)) return { message, code: undefined, retriable: false, where: {} }
  const { code, retriable, where } = error
  return { message, code, retriable, where: JSON.parse(JSON.stringify(where)) as typeof where }
}

function received({ message, code, retriable, where }: PostedError): HeliostatError {
  return new HeliostatError((code ?? 'HEL_UNEXPECTED') as `HEL_${string}`, message, { retriable, where })
}
