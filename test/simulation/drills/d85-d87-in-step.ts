import type { Acl } from '../../../src/client/acls.ts'
import { makeAcls } from '../../../src/client/acls.ts'
import { type AccessRule, checkAccess, type Resource } from '../../oracle/access.ts'
import { checkConfigs } from '../../oracle/configs.ts'
import type { Violation } from '../../oracle/violation.ts'
import { copiesAreExact } from '../checkers/copies.ts'
import { drawn } from '../faults/drawn.ts'
import { cut, reset } from '../faults/network.ts'
import { kill, pause } from '../faults/processes.ts'
import type { Checker, Faults, Scenario } from '../scenario.ts'
import { FLOW, MIRROR, oneWay } from '../topologies/one-way.ts'
import { configurer, ownConfigs, ruler, rulesOf, ruleWatcher, setConfig } from '../workloads/settings.ts'
import { writer } from '../workloads/writer.ts'
import type { World } from '../world.ts'

const AUTHORIZER = {
  'authorizer.class.name': 'org.apache.kafka.metadata.authorizer.StandardAuthorizer',
  'super.users': 'User:ANONYMOUS',
}
const EVERY_MS = 700
const IN_STEP_MS = 60_000
const MIRRORED = { orders: 1, events: 1 }
const HIDDEN = 'secret'
const COPIES = Object.keys(MIRRORED).map((topic) => `east.${topic}`)
const CARRIED = 'a rule was carried'
const CONFIGURED = 'a config was carried'

/** What people set at the copies, of what is the copies' own. */
const BY_HAND = { 'min.insync.replicas': '1', 'unclean.leader.election.enable': 'true' }
const VALUES = {
  'retention.ms': ['86400000', '172800000', '-1'],
  'segment.ms': ['3600000', '7200000'],
  'delete.retention.ms': ['1000', '2000'],
  'min.insync.replicas': ['1', '2'],
}
const RULES_BY_HAND: readonly Acl[] = [
  {
    resourceType: 2,
    resourceName: 'local',
    patternType: 3,
    principal: 'User:carol',
    host: '*',
    operation: 4,
    permissionType: 3,
  },
  {
    resourceType: 2,
    resourceName: 'east.ev',
    patternType: 4,
    principal: 'User:carol',
    host: '*',
    operation: 8,
    permissionType: 3,
  },
]
/** All that is on the target, or might be. */
const RESOURCES: readonly Resource[] = [
  ...[...Object.keys(MIRRORED), HIDDEN, 'orders-new'].map((source) => ({
    resourceType: 2,
    name: `east.${source}`,
    source,
  })),
  ...['local', 'orders', 'secret'].map((name) => ({ resourceType: 2, name })),
  { resourceType: 3, name: 'billing', source: 'billing' },
  { resourceType: 3, name: 'console-consumer-1' },
]

/** Rules that were, or may have been, in force at the source; and those of the target, look after look. */
class Looks {
  readonly source: (readonly AccessRule[])[] = []
  readonly target: { readonly rules: readonly AccessRule[]; readonly known: number }[] = []
}

const looks = new WeakMap<World, Looks>()

function looksOf(world: World): Looks {
  const known = looks.get(world) ?? new Looks()
  looks.set(world, known)
  return known
}

const troubles = drawn(
  {
    'kill the mirror': kill(MIRROR),
    'pause the mirror': pause(MIRROR),
    'kill the source': kill('east'),
    'kill the target': kill('west'),
    cut: cut('virginia', 'oregon'),
    reset: reset('virginia', 'oregon'),
  },
  { every: [300, 2_500], lasting: [50, 3_000] },
)

/** First people set at the target what is theirs there. */
const inTrouble: Faults = async (world, seconds) => {
  const { operator } = world.cluster('west')
  await world.until(() => world.mirror(FLOW).behind().length === 0, 60_000)
  for (const copy of COPIES)
    for (const [name, value] of Object.entries(BY_HAND)) await world.outcome(setConfig(operator, copy, name, value))
  await world.outcome(makeAcls(operator, RULES_BY_HAND))
  await troubles(world, seconds)
}

/** At no moment could anybody do with a copy what he could not do with its source, and in the end the rest agrees, too. */
const copiesAreInStep: Checker = async (world) => {
  await world.pass(IN_STEP_MS)
  const [east, west] = [world.cluster('east'), world.cluster('west')]
  const { source, target } = looksOf(world)
  const common = { where: FLOW, byHand: RULES_BY_HAND, resources: RESOURCES }
  const violations: Violation[] = []
  const judged = new Set<string>()
  for (const { rules, known } of target) {
    const text = JSON.stringify(rules)
    if (judged.has(text)) continue
    judged.add(text)
    violations.push(...checkAccess({ ...common, source: source.slice(0, known), target: rules }))
  }
  world.bit(CARRIED, Math.max(...target.map(({ rules }) => rules.length)) - RULES_BY_HAND.length)
  const [now, then] = await Promise.all([east, west].map(({ operator }) => world.outcome(rulesOf(operator))))
  violations.push(...checkAccess({ ...common, source: [now!], target: then! }))
  for (const copy of COPIES) {
    const configs = await world.outcome(ownConfigs(east.operator, copy.slice('east.'.length)))
    if (Object.keys(configs).length > 0) world.bit(CONFIGURED)
    const ofCopy = await world.outcome(ownConfigs(west.operator, copy))
    violations.push(...checkConfigs({ where: copy, source: configs, copy: ofCopy, byHand: BY_HAND }))
  }
  return violations
}

export const d85: Scenario = {
  name: 'D85, D87',
  shows:
    'configs and access rules of copies follow their source, through the deaths of all, and never open anything to anybody',
  seconds: 20,
  topology: async (world) => {
    const flow = { topics: { include: ['.*'], exclude: [HIDDEN] } }
    await oneWay({
      topics: { ...MIRRORED, [HIDDEN]: 1 },
      cluster: { config: AUTHORIZER },
      mirror: { flow, inStepEveryMs: EVERY_MS },
    })(world)
  },
  workloads: [
    writer({ to: 'east', topics: Object.keys(MIRRORED), every: [100, 400] }),
    ruler('east', [...Object.keys(MIRRORED), HIDDEN], (world, rules) => void looksOf(world).source.push(rules)),
    ruleWatcher('west', (world, rules) => {
      const { source, target } = looksOf(world)
      target.push({ rules, known: source.length })
    }),
    configurer('east', Object.keys(MIRRORED), VALUES),
    configurer('west', COPIES, { 'retention.ms': ['1000000'], 'segment.bytes': ['2000000'] }),
  ],
  faults: inTrouble,
  checkers: [copiesAreInStep, copiesAreExact],
  mustBite: [CARRIED, CONFIGURED],
}
