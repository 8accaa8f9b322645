// One row of a config table: Kafka's name, type, default, what values are right, and what it is for.

/** A PASSWORD is never shown. */
export type ConfigType = 'BOOLEAN' | 'STRING' | 'SHORT' | 'INT' | 'LONG' | 'DOUBLE' | 'LIST' | 'CLASS' | 'PASSWORD'

/** As DescribeConfigs v3+ numbers them. */
export const CONFIG_TYPE_CODE: Readonly<Record<ConfigType, number>> = {
  BOOLEAN: 1,
  STRING: 2,
  INT: 3,
  SHORT: 4,
  LONG: 5,
  DOUBLE: 6,
  LIST: 7,
  CLASS: 8,
  PASSWORD: 9,
}

export interface ConfigDefinition {
  readonly name: string
  readonly type: ConfigType
  /** The value in Kafka's text form; null when there is none. */
  readonly default: string | null
  readonly doc: string
  readonly min?: number
  readonly max?: number
  /** The only values, for STRING and for each item of a LIST. */
  readonly oneOf?: readonly string[]
  /** Why a value that has the right type is still refused; undefined when it is fine. */
  readonly refuses?: (value: string) => string | undefined
}

const MAXIMA = { SHORT: 32_767n, INT: 2_147_483_647n, LONG: 9_223_372_036_854_775_807n }

/** Why the text is no value for the definition, in the form of Kafka's own messages; undefined when it is one. */
export function whyInvalid(definition: ConfigDefinition, text: string): string | undefined {
  const complaint = typeComplaint(definition, text.trim()) ?? definition.refuses?.(text.trim())
  const shown = definition.type === 'PASSWORD' ? '[hidden]' : text
  return complaint && `Invalid value ${shown} for configuration ${definition.name}: ${complaint}`
}

function typeComplaint(definition: ConfigDefinition, text: string): string | undefined {
  switch (definition.type) {
    case 'BOOLEAN':
      return /^(true|false)$/i.test(text) ? undefined : 'Expected value to be either true or false'
    case 'SHORT':
    case 'INT':
    case 'LONG':
      return integerComplaint(definition, definition.type, text)
    case 'DOUBLE':
      if (text === '' || Number.isNaN(Number(text))) return 'Not a number of type DOUBLE'
      return rangeComplaint(definition, Number(text))
    case 'LIST': {
      const stranger = listOf(text).find((item) => definition.oneOf && !definition.oneOf.includes(item))
      return stranger === undefined ? undefined : oneOfComplaint(definition)
    }
    case 'STRING':
    case 'CLASS':
    case 'PASSWORD':
      return definition.oneOf && !definition.oneOf.includes(text) ? oneOfComplaint(definition) : undefined
  }
}

function integerComplaint(definition: ConfigDefinition, type: keyof typeof MAXIMA, text: string): string | undefined {
  const notANumber = `Not a number of type ${type}`
  if (!/^[+-]?\d{1,20}$/.test(text)) return notANumber
  const value = BigInt(text.replace(/^\+/, ''))
  const limit = MAXIMA[type]
  if (value > limit || value < -limit - 1n) return notANumber
  return rangeComplaint(definition, Number(value))
}

function rangeComplaint({ min, max }: ConfigDefinition, value: number): string | undefined {
  if (min !== undefined && value < min) return `Value must be at least ${min}`
  if (max !== undefined && value > max) return `Value must be no more than ${max}`
  return undefined
}

function oneOfComplaint(definition: ConfigDefinition): string {
  return `String must be one of: ${definition.oneOf!.join(', ')}`
}

export function listOf(text: string): string[] {
  return text
    .split(',')
    .map((item) => item.trim())
    .filter((item) => item !== '')
}

/** Integers beyond what a JavaScript number holds exactly are Kafka's way to say "no limit". */
export function numberOf(text: string): number {
  return Math.max(Number.MIN_SAFE_INTEGER, Math.min(Number.MAX_SAFE_INTEGER, Number(text)))
}

export function booleanOf(text: string): boolean {
  return text.trim().toLowerCase() === 'true'
}
