// What the schema of a topology file cannot say: names and ports that must fit together.
import { datacenterProblem, linkNameProblem, waysOf } from './link-name.ts'
import type { Finding } from './load.ts'
import type { TopologyConfig } from './topology-config.ts'

export function* topologyRules(config: TopologyConfig): Iterable<Finding> {
  const datacenters = Object.values(config.clusters).flatMap(({ datacenter }) => datacenter ?? [])
  yield* sharedPorts(config)
  yield* strangeEntrances(config, datacenters)
  yield* impossibleLinks(config, datacenters)
}

/** Each broker of a cluster has a port of its own, and one more for each datacenter whose ports are given. */
function* sharedPorts({ clusters }: TopologyConfig): Iterable<Finding> {
  const owners = new Map<number, string>()
  for (const [name, { brokers, port, internalPort = 0, via }] of Object.entries(clusters)) {
    const runs = [
      { first: port, path: ['clusters', name, 'port'] },
      { first: internalPort, path: ['clusters', name, 'internalPort'] },
    ]
    for (const [from, first] of Object.entries(via)) runs.push({ first, path: ['clusters', name, 'via', from] })
    for (const { first, path } of runs.filter(({ first }) => first !== 0)) {
      const taken = Array.from({ length: brokers }, (_, index) => first + index)
      const shared = taken.find((one) => owners.has(one))
      if (shared !== undefined) {
        const message = `${path.join('.')} and ${owners.get(shared)} both want port ${shared}`
        yield { rule: 'port-taken', path, message }
      }
      for (const one of taken) owners.set(one, path.join('.'))
    }
  }
}

function* strangeEntrances({ clusters }: TopologyConfig, datacenters: readonly string[]): Iterable<Finding> {
  for (const [name, { datacenter, via }] of Object.entries(clusters)) {
    for (const from of Object.keys(via)) {
      const isNear = datacenter === undefined || from === datacenter
      const problem = datacenterProblem(from, datacenters) ?? (isNear ? 'its clients there pass no link' : undefined)
      if (problem === undefined) continue
      const message = `clusters.${name}.via.${from}: ${problem}`
      yield { rule: 'undefined-datacenter', path: ['clusters', name, 'via'], key: from, message }
    }
  }
}

function* impossibleLinks({ links }: TopologyConfig, datacenters: readonly string[]): Iterable<Finding> {
  const saidBy = new Map<string, string>()
  for (const name of Object.keys(links)) {
    const place = { path: ['links'], key: name }
    const problem = linkNameProblem(name, datacenters)
    if (problem !== undefined) {
      yield { rule: 'undefined-datacenter', ...place, message: `links.${name}: ${problem}` }
      continue
    }
    for (const way of waysOf(name)) {
      const other = saidBy.get(way)
      if (other !== undefined) {
        yield { rule: 'duplicate-link', ...place, message: `links.${name}: ${other} says ${way} already` }
      }
      saidBy.set(way, name)
    }
  }
}
