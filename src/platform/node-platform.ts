import { nodeClock } from './node-clock.ts'
import { nodeDisk } from './node-disk.ts'
import { type NodeLogOptions, nodeLog } from './node-log.ts'
import { nodeNetwork } from './node-network.ts'
import { nodeRandom } from './node-random.ts'
import { nodeThreads } from './node-threads.ts'
import { dropHarmlessWarnings } from './node-warnings.ts'
import type { Logger, Platform } from './platform.ts'

export interface NodePlatformOptions {
  /** A logger, or how to make one. */
  log?: Logger | NodeLogOptions
  connectTimeoutMs?: number
}

/** This machine, as it is. */
export function nodePlatform(options: NodePlatformOptions = {}): Platform {
  dropHarmlessWarnings()
  const log = isLogger(options.log) ? options.log : nodeLog(options.log)
  return {
    clock: nodeClock(),
    network: nodeNetwork({ log, connectTimeoutMs: options.connectTimeoutMs }),
    disk: nodeDisk(),
    random: nodeRandom(),
    log,
    threads: nodeThreads(),
  }
}

function isLogger(log: Logger | NodeLogOptions | undefined): log is Logger {
  return log !== undefined && 'child' in log
}
