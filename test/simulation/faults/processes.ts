// What goes wrong with processes and their machines.
import type { World } from '../world.ts'
import type { Fault } from './drawn.ts'

/** kill -9, and another life. */
export function kill(name: string): Fault {
  return ended(name, (world) => world.program(name).machine.kill())
}

/** The machine's power fails, and comes back. */
export function cutPower(name: string): Fault {
  return ended(name, (world) => world.program(name).machine.cutPower())
}

function ended(name: string, end: (world: World) => void): Fault {
  return (world) => {
    if (!world.program(name).machine.isUp) return undefined
    end(world)
    return () => world.program(name).start()
  }
}

/** What it has sent is held up on its way, it goes on sending for a moment, is killed, and begins anew: then that arrives. */
export function killWhoseWordsComeLate(name: string, peer: string): Fault {
  return (world) => {
    const { simulation } = world
    const program = world.program(name)
    if (!program.machine.isUp) return undefined
    if (simulation.network.hold(name, peer, simulation.random.between(500, 15_000)) === 0) return undefined
    simulation.after(simulation.random.between(50, 400), 'killed', () => {
      if (program.machine.isUp) program.machine.kill()
    })
    return () => void simulation.after(500, 'started', () => program.start())
  }
}

/** SIGSTOP, and SIGCONT. */
export function pause(name: string): Fault {
  return (world) => {
    const { machine } = world.program(name)
    if (!machine.isUp) return undefined
    machine.pause()
    return () => machine.resume()
  }
}
