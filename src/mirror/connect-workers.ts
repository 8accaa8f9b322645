// Which groups of Kafka Connect's workers run a connector of this name. Workers keep their group on a cluster as consumers do; what each of
// them runs stands in what it said when it joined and in what it was given since (IncrementalCooperativeConnectProtocol): lists of
// connectors, each a string and the numbers of its tasks. Only these are looked for, so the versions of the protocol are all alike.
import type { ClusterClient } from '../client/cluster-client.ts'
import { hasMembers, listAllGroups } from '../offset-translation/group-offsets.ts'
import { describeGroups } from '../protocol/messages/describe-groups.ts'

const PROTOCOL = 'connect'

/** Groups with members, of which one has a task of the connector: one that is stopped has none. */
export async function groupsThatRun(client: ClusterClient, connector: string): Promise<string[]> {
  const { groups } = await listAllGroups(client)
  const workers = [...groups.values()].filter((group) => group.protocolType === PROTOCOL && hasMembers(group))
  const found = await Promise.all(
    [...Map.groupBy(workers, ({ coordinatorId }) => coordinatorId)].map(async ([coordinatorId, coordinated]) => {
      const connection = await client.node(coordinatorId, 'control')
      return (await connection.send(describeGroups, { groups: coordinated.map(({ group }) => group) })).groups
    }),
  )
  return found
    .flat()
    .filter(({ members }) =>
      members.some(
        ({ memberMetadata, memberAssignment }) =>
          hasTask(memberMetadata, connector) || hasTask(memberAssignment, connector),
      ),
    )
    .map(({ groupId }) => groupId)
}

/** `connector: STRING, tasks: [INT32]`, anywhere in it; −1 among the numbers is the connector itself. */
function hasTask(bytes: Buffer, connector: string): boolean {
  const size = Buffer.byteLength(connector)
  const name = Buffer.alloc(2 + size)
  name.writeInt16BE(size)
  name.write(connector, 2)
  for (let at = bytes.indexOf(name); at >= 0; at = bytes.indexOf(name, at + 1)) {
    const numbers = bytes.subarray(at + name.length)
    const count = numbers.length < 4 ? 0 : Math.min(numbers.readInt32BE(0), Math.floor(numbers.length / 4) - 1)
    for (let number = 1; number <= count; number++) if (numbers.readInt32BE(4 * number) >= 0) return true
  }
  return false
}
