// A file of MirrorMaker 2 in, a configuration of heliostat out: the dedicated mode's properties, Strimzi's KafkaMirrorMaker2, or the JSON
// of Connect's connectors.
import { parseAllDocuments, stringify } from 'yaml'
import { ConfigError, type Problem } from '../problem.ts'
import { setupOfConnectors, setupOfStrimzi } from './connectors.ts'
import { type Converted, convert } from './convert.ts'
import { readDriverFile } from './driver.ts'
import { standingAnswer } from './keys.ts'
import { parseProperties } from './properties.ts'
import type { Answer, Mm2Setup } from './setup.ts'

export interface Imported {
  readonly yaml: string
  /** One for each key of the file, in its order. */
  readonly answers: readonly Answer[]
  readonly remarks: readonly string[]
  readonly warnings: readonly Problem[]
}

/** Throws a ConfigError when the file is none of the three. */
export function importMirrorMaker(text: string, file: string): Imported {
  const setup = structured(text)
  return setup ? fromSetup(setup, file) : fromProperties(text, file)
}

function structured(text: string): Mm2Setup | undefined {
  // Properties are valid YAML more often than not: only a document with a meaning counts.
  const documents = parseAllDocuments(text, { maxAliasCount: 0 } as object)
  for (const document of Array.isArray(documents) ? documents : []) {
    if (document.errors.length > 0) continue
    const value: unknown = document.toJS({ maxAliasCount: 0 })
    const setup = setupOfStrimzi(value) ?? setupOfConnectors(value)
    if (setup) return setup
  }
  return undefined
}

function fromSetup(setup: Mm2Setup, file: string): Imported {
  const converted = convert(setup)
  const settings = [...setup.clusters.values(), ...setup.flows.map(({ connector }) => connector)]
  const answered = new Set(converted.answers.map(({ key }) => key))
  const others = new Map<string, Answer>()
  for (const map of settings)
    for (const [plain, { key, line }] of map)
      if (!answered.has(key)) others.set(key, { key, line, ...standingAnswer(plain) })
  return { ...written(converted, file), answers: [...converted.answers, ...others.values()], warnings: [] }
}

function fromProperties(text: string, file: string): Imported {
  const { properties, problems } = parseProperties(text)
  const fatal = problems.filter(({ severity }) => severity === 'error')
  if (fatal.length > 0) throw new ConfigError(file, fatal)
  const { setup, plainNames } = readDriverFile(properties)
  if (setup.clusters.size === 0) {
    const message =
      'this is no file of MirrorMaker 2: neither `clusters = …` stands in it, nor a KafkaMirrorMaker2, nor a connector'
    throw new ConfigError(file, [{ severity: 'error', rule: 'mirrormaker', message, line: 1, column: 1 }])
  }
  const homeless = [...setup.clusters].filter(([, settings]) => !settings.has('bootstrap.servers'))
  if (homeless.length > 0)
    throw new ConfigError(
      file,
      homeless.map(([alias]) => ({
        severity: 'error',
        rule: 'missing',
        message: `${alias}.bootstrap.servers is missing`,
        line: properties.find(({ key }) => key === 'clusters')!.line,
        column: 1,
      })),
    )
  const converted = convert(setup)
  const answers = properties.flatMap(({ key, line }) => {
    const own = converted.answers.filter((answer) => answer.key === key)
    return own.length > 0 ? own : [{ key, line, ...standingAnswer(plainNames.get(key)) }]
  })
  return { ...written(converted, file), answers, warnings: problems }
}

function written({ config, remarks }: Converted, file: string): Pick<Imported, 'yaml' | 'remarks'> {
  const head = `# From ${file.replaceAll(/[^\x20-\x7e]/g, '?')}, of MirrorMaker 2. What it would do: heliostat plan FILE\n`
  return { yaml: head + stringify(config, { lineWidth: 0, flowCollectionPadding: true }), remarks }
}
