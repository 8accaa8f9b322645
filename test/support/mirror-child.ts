// A mirror in a process of its own, for tests that kill it. HELIOSTAT_FAILPOINT=step:action:nth arms one failpoint: the action
// (kill, or exit) happens when the step is reached for the n-th time. Failpoints reach the mirror through its hooks, so a
// daemon has none.
import { type Flow, Mirror, type MirrorLimits, type Step } from '../../src/mirror/mirror.ts'
import { nodePlatform } from '../../src/platform/node-platform.ts'
import type { Address, LogLevel, Network, Platform } from '../../src/platform/platform.ts'
import { clientOf } from './log-content.ts'
import { sharedOwnership } from './shared-ownership.ts'

export interface MirrorChildOptions {
  readonly source: string
  readonly target: string
  /** Dial this `host:port` wherever the other is meant: how a proxy comes between. */
  readonly via?: Readonly<Record<string, string>>
  readonly flow?: Partial<Flow>
  readonly limits?: MirrorLimits
  /** Shares the slots with others that say so, through the group. */
  readonly shares?: boolean
  readonly log?: LogLevel
}

const options = JSON.parse(process.env['HELIOSTAT_MIRROR_CHILD']!) as MirrorChildOptions
const [step, action, nth] = (process.env['HELIOSTAT_FAILPOINT'] ?? '').split(':') as [Step, string, string]
let reached = 0

const machine = nodePlatform({ log: { level: options.log ?? 'error' } })
const platform: Platform = { ...machine, network: redirected(machine.network, options.via ?? {}) }
const flow: Flow = {
  name: 'east->west',
  source: 'east',
  target: 'west',
  topics: { include: ['.*'], exclude: [] },
  refreshMs: 200,
  ...options.flow,
}
const mirror = new Mirror(platform, {
  flow,
  ownership: options.shares ? sharedOwnership(platform, options.target, flow) : undefined,
  source: clientOf(options.source, platform, 'east'),
  target: clientOf(options.target, platform, 'west'),
  limits: options.limits,
  slots: 4,
  hooks: {
    reached: (at) => {
      if (at !== step || ++reached !== Number(nth)) return
      if (action === 'exit') process.exit(1)
      process.kill(process.pid, 'SIGKILL')
    },
  },
})
await mirror.start()
process.on('SIGTERM', () => void mirror.stop().then(() => process.exit(0)))
process.on('message', () => process.send!(mirror.status()))
process.send?.('started')

function redirected(network: Network, via: Readonly<Record<string, string>>): Network {
  const other = ({ host, port }: Address): Address => {
    const [viaHost, viaPort] = (via[`${host}:${port}`] ?? `${host}:${port}`).split(':')
    return { host: viaHost!, port: Number(viaPort) }
  }
  return {
    connect: (address, handler, tls) => network.connect(other(address), handler, tls),
    listen: (address, accept, tls) => network.listen(address, accept, tls),
  }
}
