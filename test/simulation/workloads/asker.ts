import type { Workload } from '../scenario.ts'

const EVERY_MS = 700

/** Asks the mirrors now and then where an offset went, and remembers what they said. */
export const asker: Workload = (world) => {
  let isOver = false
  const ask = () => {
    if (isOver) return
    for (const mirror of world.mirrors.values()) {
      if (!mirror.machine.isUp) continue
      const { from, to } = mirror
      for (const { source, remote, map } of mirror.current.ownedPartitions()) {
        if (!map) continue
        const upstream = world.random.below(map.nextUpstream + 1)
        const downstream = map.translate(upstream)
        if (downstream !== undefined)
          world.history.translated(
            from.logName(source.topic, source.partition),
            upstream,
            to.logName(remote.topic, remote.partition),
            downstream,
          )
      }
    }
    world.simulation.after(EVERY_MS, 'somebody asks', ask)
  }
  ask()
  return () => {
    isOver = true
  }
}
