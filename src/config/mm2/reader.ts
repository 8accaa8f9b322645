// Reads the effective settings of a flow by their keys, and answers for each one that it gives: where it goes, or why it cannot be taken as it
// stands. What cannot be taken is not there for whoever asked.
import { type Note, unlessProvided } from './cluster.ts'
import { flagOf, type Setting, type Settings } from './setup.ts'

export class ConnectorReader {
  readonly note: Note
  readonly #settings: Settings
  readonly #place: string

  /** `place`: where in the YAML it all goes. */
  constructor(settings: Settings, place: string, note: Note) {
    this.#settings = settings
    this.#place = place
    this.note = note
  }

  /** Of several names for one thing the first counts, and that is told of the others. */
  get(...keys: string[]): Setting | undefined {
    const [first, ...others] = keys.flatMap((key) => this.#settings.get(key) ?? [])
    for (const other of others) this.note(other, 'none', `${first!.key} counts`)
    return unlessProvided(first, this.note)
  }

  mapped(setting: Setting, where: string): void {
    this.note(setting, 'mapped', `${this.#place}: ${where}`)
  }

  flag(key: string, where: string): boolean | undefined {
    const setting = this.get(key)
    const flag = setting && flagOf(setting.value)
    if (flag !== undefined) this.mapped(setting!, where)
    else if (setting) this.note(setting, 'refused', 'it is neither true nor false')
    return flag
  }

  /** Seconds; −1 where MirrorMaker takes them for never. */
  seconds(key: string, where: string): number | undefined {
    const setting = this.get(key)
    const seconds = setting && wholeOf(setting.value)
    if (setting && (seconds === undefined || seconds === 0))
      this.note(setting, 'refused', 'it is no number of seconds above 0')
    else if (setting) this.mapped(setting, where)
    return seconds === undefined || seconds === 0 ? undefined : Math.max(-1, seconds)
  }

  oneOf<T extends string>(
    keys: readonly string[],
    values: readonly T[],
    where: string,
    otherwise: string,
  ): T | undefined {
    const setting = this.get(...keys)
    const value = values.find((one) => one === setting?.value.trim().toLowerCase())
    if (setting && value === undefined) this.note(setting, 'refused', otherwise)
    else if (setting) this.mapped(setting, where)
    return value
  }
}

export function wholeOf(value: string): number | undefined {
  return /^[+-]?\d{1,15}$/.test(value.trim()) ? Number(value.trim()) : undefined
}
