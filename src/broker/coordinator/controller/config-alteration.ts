import { ErrorCode } from '../../../protocol/errors.ts'
import { brokerConfig, isDynamic, whyInvalidBrokerConfigs } from '../../broker-config.ts'
import { whyInvalidClientMetrics } from '../../client-metrics-config.ts'
import { type ConfigDefinition, listOf, whyInvalid } from '../../config-definition.ts'
import { type GroupBounds, whyInvalidGroupConfigs } from '../../group-resource-config.ts'
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
  { replaceAll, groupBounds }: { readonly replaceAll: boolean; readonly groupBounds: GroupBounds },
): Altered {
  const formError = whyMalformed(operations)
  if (formError !== undefined) return refused(ErrorCode.INVALID_REQUEST, formError)
  const configs = new Map(replaceAll ? [] : current)
  for (const operation of operations) {
    const complaint = applyOperation(configs, resourceType, operation)
    if (complaint) return complaint
  }
  return whyRefused(resourceType, configs, groupBounds) ?? { configs }
}

function whyMalformed(operations: readonly ConfigOperation[]): string | undefined {
  const names = operations.map(({ name }) => name)
  if (new Set(names).size < names.length) return 'Error due to duplicate config keys'
  const nulls = operations.filter(({ operation, value }) => operation !== OPERATION.DELETE && value === null)
  if (nulls.length > 0) return `Null value not supported for : ${nulls.map(({ name }) => name).join(', ')}`
  const unknown = operations.find(({ operation }) => !(Object.values(OPERATION) as number[]).includes(operation))
  return unknown && `Unknown operations type ${unknown.operation}`
}

function applyOperation(
  configs: Map<string, string>,
  resourceType: number,
  { name, operation, value }: ConfigOperation,
): ItemError | undefined {
  if (operation === OPERATION.DELETE) {
    configs.delete(name)
    return undefined
  }
  if (operation === OPERATION.SET) {
    configs.set(name, value!)
    return undefined
  }
  const definition = listDefinition(resourceType, name)
  if (definition?.type !== 'LIST') return refused(ErrorCode.INVALID_CONFIG, whyNoList(resourceType, name, operation))
  const held = listOf(configs.get(name) ?? definition.default ?? '')
  const given = listOf(value!)
  const items =
    operation === OPERATION.APPEND ? [...new Set([...held, ...given])] : held.filter((item) => !given.includes(item))
  configs.set(name, items.join(','))
  return undefined
}

/** Only of topics and brokers does Kafka know which configs are lists. */
function listDefinition(resourceType: number, name: string): ConfigDefinition | undefined {
  if (resourceType === RESOURCE_TYPE.TOPIC) return topicConfig(name)
  return resourceType === RESOURCE_TYPE.BROKER ? brokerConfig(name) : undefined
}

function whyNoList(resourceType: number, name: string, operation: number): string {
  const word = operation === OPERATION.APPEND ? 'append' : 'subtract'
  if (resourceType !== RESOURCE_TYPE.BROKER) {
    return `Can't ${word.toUpperCase()} to key ${name} because its type is not LIST.`
  }
  if (!brokerConfig(name)) return `Unknown config name: ${name}`
  return `Config value ${word} is not allowed for config key: ${name}`
}

function whyRefused(
  resourceType: number,
  configs: ReadonlyMap<string, string>,
  groupBounds: GroupBounds,
): ItemError | undefined {
  switch (resourceType) {
    case RESOURCE_TYPE.TOPIC:
      return orUndefined(ErrorCode.INVALID_CONFIG, whyInvalidTopicConfigs(configs))
    case RESOURCE_TYPE.GROUP:
      return orUndefined(ErrorCode.INVALID_CONFIG, whyInvalidGroupConfigs(configs, groupBounds))
    case RESOURCE_TYPE.CLIENT_METRICS:
      return whyInvalidClientMetrics(configs)
    default:
      return orUndefined(ErrorCode.INVALID_REQUEST, whyNotDynamic(configs))
  }
}

function whyNotDynamic(configs: ReadonlyMap<string, string>): string | undefined {
  const fixed = [...configs.keys()].filter((name) => !brokerConfig(name) || !isDynamic(name))
  if (fixed.length > 0) return `Cannot update these configs dynamically: [${fixed.join(', ')}]`
  for (const [name, value] of configs) {
    const complaint = whyInvalid(brokerConfig(name)!, value)
    if (complaint !== undefined) return complaint
  }
  return whyInvalidBrokerConfigs(configs)
}

function orUndefined(errorCode: number, complaint: string | undefined): ItemError | undefined {
  return complaint === undefined ? undefined : refused(errorCode, complaint)
}

function refused(errorCode: number, errorMessage: string): ItemError {
  return { errorCode, errorMessage }
}
