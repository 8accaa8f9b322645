import { ControlClient } from '../../src/client/control-client.ts'
import type { Flow } from '../../src/mirror/mirror.ts'
import { replicationPolicy } from '../../src/mirror/replication-policy.ts'
import { SharedOwnership } from '../../src/mirror/work-sharing.ts'
import type { Platform } from '../../src/platform/platform.ts'

/** A share of the flow's slots, as instances of a daemon have it. */
export function sharedOwnership(platform: Platform, target: string, { name, source }: Flow): SharedOwnership {
  const [host, port] = target.split(':')
  const control = new ControlClient(platform, { bootstrap: [{ host: host!, port: Number(port) }], clientId: name })
  const { progressTopic } = replicationPolicy({ naming: 'prefix', source })
  return new SharedOwnership(platform, control, { groupId: `heliostat.${name}`, progressTopic })
}
