import {
  ACL_OPERATION,
  ACL_PATTERN,
  ACL_PERMISSION,
  ACL_RESOURCE,
  type Acl,
  makeAcls,
  readAcls,
  removeAcls,
} from '../../../src/client/acls.ts'
import type { ClusterClient } from '../../../src/client/cluster-client.ts'
import { ErrorCode, errorOf } from '../../../src/protocol/errors.ts'
import { describeConfigs } from '../../../src/protocol/messages/describe-configs.ts'
import { incrementalAlterConfigs } from '../../../src/protocol/messages/incremental-alter-configs.ts'
import type { OwnConfigs } from '../../oracle/configs.ts'
import type { Workload } from '../scenario.ts'
import type { World } from '../world.ts'

const TOPIC = 2
const OWN_CONFIG = 1
const EVERY_MS = [50, 900] as const
const LOOK_MS = 300
/** More than these are removed again. */
const RULES_MAX = 12

/** Somebody at a desk of his own, who does something again and again, whatever became of it the last time. */
function person(
  name: string,
  at: string,
  every: readonly [number, number],
  act: (desk: Desk) => Promise<void>,
): Workload {
  return (world) => {
    const { datacenter } = world.cluster(at)
    const machine = world.simulation.machine(name, { datacenter })
    const platform = machine.boot()
    const client = world.clientOf(platform, at)
    const again = () => {
      const next = () => platform.clock.setTimer(world.random.between(...every), again)
      act({ world, client }).then(next, next)
    }
    again()
    return () => machine.kill()
  }
}

interface Desk {
  readonly world: World
  readonly client: ClusterClient
}

/** The rules of a cluster on topics and groups. */
export async function rulesOf(client: ClusterClient): Promise<readonly Acl[]> {
  const rules = [await readAcls(client, ACL_RESOURCE.TOPIC), await readAcls(client, ACL_RESOURCE.GROUP)]
  return rules.flatMap((some) => some ?? [])
}

/** Makes and removes access rules of all kinds, one at a time; `inForce` hears of all that may be in force before they are. */
export function ruler(
  at: string,
  names: readonly string[],
  inForce: (world: World, rules: readonly Acl[]) => void,
): Workload {
  return person(`ruler-${at}`, at, EVERY_MS, async ({ world, client }) => {
    const { random } = world
    const rules = await rulesOf(client)
    inForce(world, rules)
    if (rules.length > 0 && (rules.length > RULES_MAX || random.chance(0.4))) {
      const gone = random.pick(rules)
      inForce(
        world,
        rules.filter((rule) => rule !== gone),
      )
      await removeAcls(client, [gone])
    } else {
      const made = drawRule(world, names)
      inForce(world, [...rules, made])
      await makeAcls(client, [made])
    }
  })
}

function drawRule({ random }: World, names: readonly string[]): Acl {
  const isOfGroups = random.chance(0.2)
  const name = isOfGroups ? 'billing' : random.pick(names)
  const isPrefix = random.chance(0.25)
  const principal = random.pick(['User:alice', 'User:alice', 'User:bob', 'User:bob', 'User:*'])
  const operation = random.pick(Object.values(ACL_OPERATION))
  const permissionType = random.chance(0.7) ? ACL_PERMISSION.ALLOW : ACL_PERMISSION.DENY
  // A copy of which all is denied to everybody can still be described by whom another rule lets: its mirror must be able to.
  const isForAll = operation === ACL_OPERATION.ALL && permissionType === ACL_PERMISSION.DENY && principal === 'User:*'
  return {
    resourceType: isOfGroups ? ACL_RESOURCE.GROUP : ACL_RESOURCE.TOPIC,
    resourceName: isPrefix ? name.slice(0, 1 + random.below(name.length)) : random.chance(0.2) ? '*' : name,
    patternType: isPrefix ? ACL_PATTERN.PREFIXED : ACL_PATTERN.LITERAL,
    principal,
    host: random.pick(['*', '*', '10.0.0.1']),
    operation: isForAll ? ACL_OPERATION.READ : operation,
    permissionType,
  }
}

/** Looks again and again at the rules of a cluster. */
export function ruleWatcher(at: string, seen: (world: World, rules: readonly Acl[]) => void): Workload {
  return person(`watches-rules-${at}`, at, [LOOK_MS, LOOK_MS + 1], async ({ world, client }) => {
    seen(world, await rulesOf(client))
  })
}

/** Sets configs of topics and takes them back. */
export function configurer(
  at: string,
  topics: readonly string[],
  values: Readonly<Record<string, readonly string[]>>,
): Workload {
  return person(`configures-${at}`, at, EVERY_MS, async ({ world: { random }, client }) => {
    const name = random.pick(Object.keys(values))
    await setConfig(client, random.pick(topics), name, random.chance(0.3) ? null : random.pick(values[name]!))
  })
}

export async function setConfig(
  client: ClusterClient,
  topic: string,
  name: string,
  value: string | null,
): Promise<void> {
  const configs = [{ name, configOperation: value === null ? 1 : 0, value }]
  const { responses } = await client.send(incrementalAlterConfigs, {
    resources: [{ resourceType: TOPIC, resourceName: topic, configs }],
    validateOnly: false,
  })
  const { errorCode, errorMessage } = responses[0]!
  if (errorCode !== ErrorCode.NONE) throw new Error(`${topic}: ${errorOf(errorCode).name} (${errorMessage})`)
}

/** What is set for the topic itself. */
export async function ownConfigs(client: ClusterClient, topic: string): Promise<OwnConfigs> {
  const resources = [{ resourceType: TOPIC, resourceName: topic, configurationKeys: null }]
  const { results } = await client.send(describeConfigs, { resources })
  const { errorCode, configs } = results[0]!
  if (errorCode !== ErrorCode.NONE) throw new Error(`${topic}: ${errorOf(errorCode).name}`)
  const own = configs.filter(({ configSource }) => configSource === OWN_CONFIG)
  return Object.fromEntries(own.map(({ name, value }) => [name, value]))
}
