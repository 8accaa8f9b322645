// Values that config providers give (KIP-297): `${provider:path:key}`. What stands in the environment is `${NAME}` in the YAML, what is a file
// of its own is `{ file: … }`; of other providers only secrets can be had, by putting what they give into a file.
import type { Setting, Settings } from './setup.ts'

const KINDS: Readonly<Record<string, string>> = {
  EnvVarConfigProvider: 'env',
  DirectoryConfigProvider: 'directory',
  FileConfigProvider: 'file',
}
/** As they are usually called, where a file does not say; Strimzi has its own names. */
const USUAL: readonly (readonly [string, string])[] = [
  ['env', 'env'],
  ['strimzienv', 'env'],
  ['directory', 'directory'],
  ['strimzidir', 'directory'],
  ['file', 'file'],
  ['strimzifile', 'file'],
]
const OF_CLASS = /config\.providers\.([^.]+)\.class$/
/** Also as templates have it, `${NAME}`: Kafka itself knows no such thing. */
const ENVIRONMENT = /\$\{(?:env:(?:[^:}]*:)?)?([A-Za-z_]\w*)\}/

/** What each provider is, by the name that the file gives it. */
export function providersIn(all: Iterable<Settings>): ReadonlyMap<string, string> {
  const kinds = new Map(USUAL)
  for (const settings of all)
    for (const [key, { value }] of settings) {
      const name = OF_CLASS.exec(key)?.[1]
      if (name !== undefined) kinds.set(name, KINDS[value.trim().split('.').at(-1)!] ?? name)
    }
  return kinds
}

/** The settings with every provider called by what it is: `env`, `directory`, `file`, or its own name. */
export function withKnownProviders(settings: Settings, kinds: ReadonlyMap<string, string>): Settings {
  const known = (value: string) =>
    value.replace(/\$\{([^:}]+):/g, (whole, name: string) => (kinds.has(name) ? `\${${kinds.get(name)}:` : whole))
  return new Map(
    [...settings].map(([key, setting]): [string, Setting] => [key, { ...setting, value: known(setting.value) }]),
  )
}

/** A value as it is written in the YAML, where `${NAME}` is the environment's and any other `$` stands for itself. */
export function yamlText(value: string): string {
  // Odd parts are the names of variables.
  const parts = value.split(ENVIRONMENT)
  return parts
    .map((part, at) => {
      if (at % 2 === 1) return `\${${part}}`
      const endsBeforeVariable = at < parts.length - 1 && part.endsWith('$')
      return part.replace(/\$(?=[${])/g, '$$$$') + (endsBeforeVariable ? '$' : '')
    })
    .join('')
}

export const isFromEnvironment = (value: string) => ENVIRONMENT.test(value)

interface Provided {
  readonly provider: string
  readonly path: string
  readonly name: string
}

/** What is to be had from a provider other than the environment. */
export function providedIn(value: string): Provided | undefined {
  const found = /\$\{([^:}]+):(?:([^:}]*):)?([^}]*)\}/.exec(value.replace(new RegExp(ENVIRONMENT, 'g'), ''))
  return found ? { provider: found[1]!, path: found[2] ?? '', name: found[3]! } : undefined
}

/** The file that a value is the whole content of. */
export function fileOf(value: string): string | undefined {
  const found = /^\s*\$\{directory:([^:}]+):([^}]+)\}\s*$/.exec(value)
  return found ? `${found[1]}/${found[2]}` : undefined
}
