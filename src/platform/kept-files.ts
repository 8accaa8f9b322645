// Something that is made of files and may be rotated under a running process: a password, a token, a certificate with its key. The
// files are read again each time it is wanted, which is when a connection is dialled or a login renewed. There is no watching, so nothing
// is missed and nothing has to be stopped.
//
// Invariants:
// 1. Whoever got it made has it for good: files that cannot be read, or are not fit for use, leave what was made before in use.
// 2. What is wrong with the files is told once, and again only when it is something else or was mended in between.
import { HeliostatError } from './errors.ts'
import type { Logger } from './platform.ts'

export interface KeptFilesOptions<T> {
  /** Where it stands in the configuration: `clusters.west.tls`. */
  readonly place: string
  /** The texts of all the files; throws an error that names the file. */
  readonly read: () => readonly string[]
  /** Throws an error that says what is wrong with which of them; put behind the place, unless it names its own. */
  readonly make: (texts: readonly string[]) => T
}

export class KeptFiles<T> {
  readonly #log: Logger
  readonly #options: KeptFilesOptions<T>
  #texts: readonly string[]
  #made: T
  #told: string | undefined

  /** Throws when there is nothing fit for use to begin with. */
  constructor(log: Logger, options: KeptFilesOptions<T>) {
    this.#log = log
    this.#options = options
    this.#texts = options.read()
    this.#made = this.#make(this.#texts)
  }

  /** As the files are now, or as they were when they were last fit for use. */
  current(): T {
    const { place, read } = this.#options
    try {
      const texts = read()
      if (!texts.every((text, index) => text === this.#texts[index])) {
        this.#made = this.#make(texts)
        this.#texts = texts
        this.#log.info('secret.renewed', `${place} was read anew`, { place })
      }
      this.#told = undefined
    } catch (error) {
      const { message } = error as Error
      if (message !== this.#told)
        this.#log.warn('secret.kept', `${message}; what ${place} was before stays in use`, { place })
      this.#told = message // invariant 2
    }
    return this.#made
  }

  #make(texts: readonly string[]): T {
    const { place, make } = this.#options
    try {
      return make(texts)
    } catch (error) {
      if (error instanceof HeliostatError) throw error
      throw new HeliostatError('HEL_CONFIG', `${place}${(error as Error).message}`, { where: { place } })
    }
  }
}
