// The log of a thread that has none of its own: its lines are handed to another thread, which writes them.
import type { LogFields, Logger, LogLevel } from './platform.ts'

export type PostLine = (level: Exclude<LogLevel, 'silent'>, event: string, message: string, fields: LogFields) => void

export class PostedLog implements Logger {
  readonly #post: PostLine
  readonly #fields: LogFields

  constructor(post: PostLine, fields: LogFields = {}) {
    this.#post = post
    this.#fields = fields
  }

  debug(event: string, message: string, fields?: LogFields): void {
    this.#post('debug', event, message, { ...this.#fields, ...fields })
  }

  info(event: string, message: string, fields?: LogFields): void {
    this.#post('info', event, message, { ...this.#fields, ...fields })
  }

  warn(event: string, message: string, fields?: LogFields): void {
    this.#post('warn', event, message, { ...this.#fields, ...fields })
  }

  error(event: string, message: string, fields?: LogFields): void {
    this.#post('error', event, message, { ...this.#fields, ...fields })
  }

  child(fields: LogFields): Logger {
    return new PostedLog(this.#post, { ...this.#fields, ...fields })
  }
}
