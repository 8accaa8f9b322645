import { ErrorCode } from '../../../protocol/errors.ts'
import { brokerConfig, isDynamic } from '../../broker-config.ts'
import { type ConfigDefinition, listOf, whyInvalid } from '../../config-definition.ts'
import { topicConfig, whyInvalidTopicConfigs } from '../../topic-config.ts'
import type { ItemError } from './command.ts'
import { RESOURCE_TYPE } from './metadata-image.ts'

/** As IncrementalAlterConfigs numbers them (KIP-339). */
export const OPERATION = { SET: 0, DELETE: 1, APPEND: 2, SUBTRACT: 3 } as const

export interface ConfigOperation {
  readonly name: string
  readonly operation: number
  readonly value: string | null
}

type Altered = { readonly configs: ReadonlyMap<string, string> } | ItemError

/** The resource's own configs after the operations, or why they cannot be carried out; all or nothing. */
export function alteredConfigs(
  resourceType: number,
  current: ReadonlyMap<string, string>,
  operations: readonly ConfigOperation[],
  replaceAll: boolean,
): Altered {
  const configs = new Map(replaceAll ? [] : current)
  const names = new Set<string>()
  for (const { name, operation, value } of operations) {
    if (names.has(name)) return refused(ErrorCode.INVALID_REQUEST, 'Error due to duplicate config keys')
    names.add(name)
    const complaint = applyOperation(configs, definitionOf(resourceType, name), { name, operation, value })
    if (complaint) return complaint
  }
  return whyRefused(resourceType, configs, names) ?? { configs }
}

function definitionOf(resourceType: number, name: string): ConfigDefinition | undefined {
  return resourceType === RESOURCE_TYPE.TOPIC ? topicConfig(name) : brokerConfig(name)
}

function applyOperation(
  configs: Map<string, string>,
  definition: ConfigDefinition | undefined,
  { name, operation, value }: ConfigOperation,
): ItemError | undefined {
  if (operation === OPERATION.DELETE) {
    configs.delete(name)
    return undefined
  }
  if (value === null) return refused(ErrorCode.INVALID_REQUEST, `Null value not supported for : ${name}`)
  if (operation === OPERATION.SET) {
    configs.set(name, value)
    return undefined
  }
  if (operation !== OPERATION.APPEND && operation !== OPERATION.SUBTRACT) {
    return refused(ErrorCode.INVALID_REQUEST, `Unknown config operation ${operation}`)
  }
  if (definition?.type !== 'LIST') {
    return refused(
      ErrorCode.INVALID_CONFIG,
      `Can't ${operation === OPERATION.APPEND ? 'APPEND' : 'SUBTRACT'} to key ${name} because its type is not LIST.`,
    )
  }
  const held = listOf(configs.get(name) ?? definition.default ?? '')
  const given = listOf(value)
  const items =
    operation === OPERATION.APPEND ? [...new Set([...held, ...given])] : held.filter((item) => !given.includes(item))
  configs.set(name, items.join(','))
  return undefined
}

function whyRefused(
  resourceType: number,
  configs: ReadonlyMap<string, string>,
  touched: ReadonlySet<string>,
): ItemError | undefined {
  if (resourceType === RESOURCE_TYPE.TOPIC) {
    const complaint = whyInvalidTopicConfigs(configs)
    return complaint === undefined ? undefined : refused(ErrorCode.INVALID_CONFIG, complaint)
  }
  for (const name of touched) {
    if (!brokerConfig(name) || !isDynamic(name)) {
      return refused(ErrorCode.INVALID_REQUEST, `Cannot update these configs dynamically: [${name}]`)
    }
  }
  for (const [name, value] of configs) {
    const complaint = whyInvalid(brokerConfig(name)!, value)
    if (complaint !== undefined) return refused(ErrorCode.INVALID_REQUEST, complaint)
  }
  return undefined
}

function refused(errorCode: number, errorMessage: string): ItemError {
  return { errorCode, errorMessage }
}
