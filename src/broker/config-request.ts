import type { Broker } from './broker.ts'
import { configRefusal } from './config-guard.ts'
import type { AlterConfigsCommand, ItemError } from './coordinator/controller/command.ts'
import { RESOURCE_TYPE } from './coordinator/controller/metadata-image.ts'
import { invalid } from './coordinator/controller/topic-creation.ts'
import type { Call } from './dispatcher.ts'

type Resource = AlterConfigsCommand['resources'][number]
type Answered = ItemError & Pick<Resource, 'resourceType' | 'resourceName'>

/**
 * Alters configs of resources, each for itself: levels of loggers here and now, all others through the controller. The answers stand
 * in the order of the request.
 */
export async function alterResources(
  broker: Broker,
  call: Call,
  resources: readonly Resource[],
  validateOnly: boolean,
  /** The same request for those resources alone, carried out by the active controller elsewhere. */
  forward: (resources: readonly number[]) => Promise<readonly ItemError[]>,
): Promise<Answered[]> {
  const early = new Map<Resource, ItemError>()
  for (const resource of resources) {
    const error =
      repeatedError(resource, resources) ??
      configRefusal(call, 'ALTER_CONFIGS', resource) ??
      (call.isForwarded ? undefined : strangerError(broker, resource))
    if (error) early.set(resource, error)
    else if (resource.resourceType === RESOURCE_TYPE.BROKER_LOGGER && !resource.replaceAll) {
      early.set(resource, alterLoggers(broker, resource, validateOnly) ?? invalid('NONE', null))
    }
  }
  const forController = resources.filter((resource) => !early.has(resource))
  const decided = await decide(broker, call, forController, validateOnly, () =>
    forward(forController.map((resource) => resources.indexOf(resource))),
  )
  return resources.map((resource) => {
    const { resourceType, resourceName } = resource
    const { errorCode, errorMessage } = early.get(resource) ?? decided[forController.indexOf(resource)]!
    return { errorCode, errorMessage, resourceType, resourceName }
  })
}

async function decide(
  { controller, config }: Broker,
  call: Call,
  resources: readonly Resource[],
  validateOnly: boolean,
  forward: () => Promise<readonly ItemError[]>,
): Promise<readonly ItemError[]> {
  if (resources.length === 0) return []
  if (!controller.isActive && !call.isForwarded) return forward()
  const command = { type: 'alter-configs', resources, validateOnly, groupBounds: config.groups } as const
  return (await controller.ask(command)).resources
}

function repeatedError(resource: Resource, all: readonly Resource[]): ItemError | undefined {
  const same = all.filter((other) => {
    return other.resourceType === resource.resourceType && other.resourceName === resource.resourceName
  })
  return same.length > 1 ? invalid('INVALID_REQUEST', 'Each resource must appear at most once.') : undefined
}

/** Configs of a broker are altered by the broker itself. */
function strangerError({ nodeId }: Broker, { resourceType, resourceName }: Resource): ItemError | undefined {
  const isNumber = /^-?\d+$/.test(resourceName)
  if (resourceType !== RESOURCE_TYPE.BROKER || !isNumber || Number(resourceName) === nodeId) return undefined
  return invalid('INVALID_REQUEST', `Unexpected broker id, expected ${nodeId}, but received ${resourceName}`)
}

function alterLoggers(broker: Broker, { resourceName, operations }: Resource, validateOnly: boolean) {
  if (!/^-?\d+$/.test(resourceName)) {
    return invalid('INVALID_REQUEST', `Node id must be an integer, but it is: ${resourceName}`)
  }
  if (Number(resourceName) !== broker.nodeId) {
    // Kafka's message names its own id twice.
    return invalid('INVALID_REQUEST', `Unexpected node id. Expected ${broker.nodeId}, but received ${resourceName}`)
  }
  const names = operations.map(({ name }) => name)
  if (new Set(names).size < names.length) return invalid('INVALID_REQUEST', 'Error due to duplicate config keys')
  return broker.logLevels.alter(operations, validateOnly)
}
