// Clusters on which every mirror has a user of its own with exactly the rights that `heliostat acls` prints for it, while the tests themselves,
// who do not log in, may everything. test/support/least-rights.ts puts this under test files that know nothing of it.
import type { ClusterOptions } from '../../src/broker/cluster.ts'
import { OPERATION, type Operation, RESOURCE, type Resource } from '../../src/broker/security/authorizer.ts'
import type { ClusterClientOptions } from '../../src/client/cluster-client.ts'
import { Connection } from '../../src/client/connection.ts'
import type { Config } from '../../src/config/config.ts'
import { rightsOf } from '../../src/daemon-job.ts'
import { leastRights, type Right } from '../../src/mirror/least-rights.ts'
import type { Flow } from '../../src/mirror/mirror.ts'
import { replicationPolicy } from '../../src/mirror/replication-policy.ts'
import { nodePlatform } from '../../src/platform/node-platform.ts'
import type { Address } from '../../src/platform/platform.ts'
import { createAcls } from '../../src/protocol/messages/create-acls.ts'

const AUTHORIZER = 'org.apache.kafka.metadata.authorizer.StandardAuthorizer'
const PLAIN_MODULE = 'org.apache.kafka.common.security.plain.PlainLoginModule'
const PASSWORD = 'secret'
const USERS = Array.from({ length: 300 }, (_, index) => `mirror-${index}`)
export const LISTENER = 'SASL_PLAINTEXT'

/** Where a mirror logs in, by the port at which it would be nobody. */
const doors = new Map<number, number>()
let users = 0

/** Broker properties by which mirrors log in; Kafka's own names, so that they serve on either ground. */
export const securityConfig: Readonly<Record<string, string>> = {
  'authorizer.class.name': AUTHORIZER,
  'super.users': 'User:ANONYMOUS',
  'sasl.enabled.mechanisms': 'PLAIN',
  [`listener.name.${LISTENER.toLowerCase()}.plain.sasl.jaas.config`]: `${PLAIN_MODULE} required ${USERS.map((user) => `user_${user}="${PASSWORD}"`).join(' ')};`,
}

/** Undefined for a cluster that has listeners of its own: its test is about security already. */
export function restricted(options: ClusterOptions): ClusterOptions | undefined {
  const { config = {}, port = 0, ...others } = options
  if ('listeners' in config) return undefined
  const listeners = `PLAINTEXT://127.0.0.1:${port},${LISTENER}://127.0.0.1:${doors.get(port) ?? 0}`
  return { ...others, config: { ...securityConfig, ...config, listeners } }
}

/** Remembers the door beside each plain address. */
export function openDoors(plain: string, secured: string): void {
  const ports = (bootstrap: string) => bootstrap.split(',').map((text) => Number(text.split(':').at(-1)))
  const behind = ports(secured)
  for (const [index, port] of ports(plain).entries()) doors.set(port, behind[index]!)
}

export function closeDoors(plain: string): void {
  for (const address of plain.split(',')) doors.delete(Number(address.split(':').at(-1)))
}

export const nextUser = (): string => USERS[users++]!

/** The same address for who logs in; undefined where nobody does. */
function doorsOf(bootstrap: readonly Address[]): Address[] | undefined {
  const found = bootstrap.map(({ host, port }) => ({ host, port: doors.get(port) }))
  return found.every((address): address is Address => address.port !== undefined) ? found : undefined
}

/** Not where nobody logs in, nor when somebody does already. */
export function canLogIn({ bootstrap, sasl }: ClusterClientOptions): boolean {
  return sasl === undefined && doorsOf(bootstrap) !== undefined
}

export function loggedIn(options: ClusterClientOptions, username: string): ClusterClientOptions {
  const bootstrap = doorsOf(options.bootstrap)!
  return { ...options, bootstrap, sasl: { mechanism: 'plain', username, password: PASSWORD } }
}

export function configFor(config: Config, username: string): Config {
  const clusters = Object.entries(config.clusters).map(([alias, cluster]) => {
    const bootstrap = cluster.sasl ? undefined : doorsOf(cluster.bootstrap)
    const sasl = { mechanism: 'plain', username, password: PASSWORD } as const
    return [alias, bootstrap ? { ...cluster, bootstrap, sasl } : cluster]
  })
  return { ...config, clusters: Object.fromEntries(clusters) }
}

export async function grantConfig(config: Config, username: string): Promise<void> {
  const { clusters, mirrors } = config
  const rights = mirrors.flatMap((job) =>
    rightsOf(job, config).map((right) => ({ ...right, cluster: right.side === 'source' ? job.from : job.to })),
  )
  for (const [alias, { bootstrap }] of Object.entries(clusters))
    if (doorsOf(bootstrap))
      await grant(
        bootstrap,
        username,
        rights.filter(({ cluster }) => cluster === alias),
      )
}

export async function grantFlow(
  flow: Flow,
  { source, target }: { source: ClusterClientOptions; target: ClusterClientOptions },
  username: string,
): Promise<void> {
  const { naming = 'prefix', separator = '.', source: alias, name } = flow
  const rights = leastRights({
    policy: replicationPolicy({ naming, source: alias, separator, progress: flow.progress }),
    topics: flow.topics.include,
    groups: [],
    copyPrefix: naming === 'prefix' ? alias + separator : undefined,
    keepsNames: naming === 'identity',
    sharingGroup: `heliostat.${name}`,
    follows: { topicConfigs: flow.configs !== false, acls: false, deletes: false, groupOffsets: false },
    mm2Topics: false,
    heartbeats: flow.progress === undefined ? ['heartbeats'] : [],
    transactionalIds: flow.transactional && `heliostat.${name}.`,
  })
  const at = (side: Right['side']) => rights.filter((right) => right.side === side)
  for (const [side, options] of Object.entries({ source, target }) as [Right['side'], ClusterClientOptions][])
    if (canLogIn(options)) await grant(options.bootstrap, username, at(side))
}

/** By somebody who may everything. */
async function grant(bootstrap: readonly Address[], username: string, rights: readonly Right[]): Promise<void> {
  const creations = rights.flatMap(({ resource, name, prefixed, operations }) =>
    operations.map((operation) => ({
      resourceType: RESOURCE[resource.toUpperCase().replace('-', '_') as Resource],
      resourceName: name,
      resourcePatternType: prefixed ? 4 : 3,
      principal: `User:${username}`,
      host: '*',
      operation: OPERATION[operation.replace(/(?<=[a-z])(?=[A-Z])/g, '_').toUpperCase() as Operation],
      permissionType: 3,
    })),
  )
  const platform = nodePlatform({ log: { level: 'silent' } })
  const connection = await Connection.open(platform, { ...bootstrap[0]!, clientId: 'granting' })
  const { results } = await connection.send(createAcls, { creations })
  connection.close()
  const refused = results.find(({ errorCode }) => errorCode !== 0)
  if (refused) throw new Error(`a right cannot be given: ${refused.errorMessage}`)
}
