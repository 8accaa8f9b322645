// Brokers of one process cannot share ports: those that `listeners` names are the first broker's. And a broker that starts again is found where it
// was, also at ports that it was free to choose.
import type { OpenListener } from './open-listener.ts'

const WITH_PORTS = ['listeners', 'advertised.listeners'] as const

/** The properties for the broker at `index`: its ports run on from those of the broker before, past all of its listeners. */
export function portsRunningOn(
  config: Readonly<Record<string, unknown>>,
  index: number,
): Readonly<Record<string, unknown>> {
  const listeners = String(config['listeners'] ?? '').split(',').length
  const moved = WITH_PORTS.filter((name) => config[name] !== undefined).map((name) => {
    const text = String(config[name]).replace(/:(\d+)(?=\s*(?:,|$))/g, (_, port: string) => {
      return `:${Number(port) === 0 ? 0 : Number(port) + index * listeners}`
    })
    return [name, text]
  })
  return index === 0 ? config : { ...config, ...Object.fromEntries(moved) }
}

/** The properties for the next life of a broker: where any free port was wanted, the one that was taken. */
export function portsTaken(
  config: Readonly<Record<string, unknown>>,
  open: readonly OpenListener[],
): Readonly<Record<string, unknown>> {
  const { listeners } = config
  if (listeners === undefined) return config
  const items = String(listeners).split(',')
  const kept = items.map((item) => {
    const name = item.split('://')[0]!.trim().toUpperCase()
    const taken = open.find(({ plan }) => plan.endpoint.listener.toUpperCase() === name)
    return taken ? item.replace(/:0(?=\s*$)/, `:${taken.bound.port}`) : item
  })
  return { ...config, listeners: kept.join(',') }
}
