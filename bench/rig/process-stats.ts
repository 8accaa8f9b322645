// What one process has used, from /proc: it counts all threads, and costs the process itself nothing.
import { readFileSync } from 'node:fs'

/** Kernel ticks per second as /proc reports them; 100 on every Linux that we know. */
const ticksPerSecond = 100

export interface CpuSeconds {
  readonly user: number
  readonly system: number
  readonly total: number
}

export function cpuSeconds(pid: number): CpuSeconds {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
  // The command's name stands in parentheses and may hold spaces: fields are counted from behind it.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  const user = Number(fields[11]) / ticksPerSecond
  const system = Number(fields[12]) / ticksPerSecond
  return { user, system, total: user + system }
}

export interface Memory {
  readonly rssMb: number
  /** Without the pages of files, which processes of the same program share. */
  readonly privateMb: number
  readonly peakRssMb: number
}

export function memory(pid: number): Memory {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8')
  const megabytes = (name: string) => (Number(new RegExp(`${name}:\\s+(\\d+)`).exec(status)?.[1]) * 1024) / 1e6
  return { rssMb: megabytes('VmRSS'), privateMb: megabytes('RssAnon'), peakRssMb: megabytes('VmHWM') }
}
