// What goes wrong with processes and their machines.
import type { Program } from '../program.ts'
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

/** Its process is killed or its machine's power fails, drawn; whoever was talking to it hears of that at once, so that the work goes on. */
export function endAnyhow({ simulation, random }: World, { machine }: Program, powerFails: number): void {
  simulation.network.resetBetween(machine.datacenter, machine.datacenter)
  if (random.chance(powerFails)) machine.cutPower()
  else machine.kill()
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

/** Of these one is down at a time. */
export function oneAtATime(names: readonly string[], fault: Fault): Fault {
  return (world) => (names.every((name) => world.program(name).machine.isUp) ? fault(world) : undefined)
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
