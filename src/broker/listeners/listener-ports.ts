// Brokers of one process cannot share ports: those that `listeners` names are the first broker's.

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
