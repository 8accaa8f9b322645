import { dirname } from 'node:path'
import { loadConfig } from '../config/config.ts'
import { formatProblem } from '../config/problem.ts'
import { type Daemon, startDaemon } from '../daemon.ts'
import { collectWithoutHelpers, returnMemory } from '../platform/node-collector.ts'
import { version } from '../platform/node-package.ts'
import { nodePlatform } from '../platform/node-platform.ts'
import type { Logger, LogLevel } from '../platform/platform.ts'
import { exitCode } from './exit-code.ts'
import { readConfigFile } from './lint.ts'
import { untilSignal } from './until-signal.ts'

export interface RunOptions {
  readonly logLevel: LogLevel
}

/** The daemon: mirrors until a signal, then drains. */
export async function run(file: string, { logLevel }: RunOptions): Promise<number> {
  collectWithoutHelpers()
  const load = () => {
    const { config, warnings } = loadConfig(readConfigFile(file), file, process.env)
    for (const warning of warnings) process.stderr.write(`${formatProblem(file, warning)}\n`)
    return config
  }
  const config = load()
  const platform = nodePlatform({ log: { level: logLevel } })
  const options = { version: version(), directory: dirname(file), onQuiet: returnMemory, load }
  const starting = startDaemon(platform, config, options)
  // From now on, or one that comes early would end the process.
  process.on('SIGHUP', () => void starting.then((daemon) => reload(platform.log, daemon)))
  const daemon = await starting
  platform.log.info('daemon.started', `heliostat ${version()} runs ${config.mirrors.length} flows; ${daemon.url}`, {
    url: daemon.url,
    flows: [...daemon.flows.keys()],
  })
  const signal = await untilSignal()
  platform.log.info('daemon.stopping', `${signal}: finishing what is in flight; a second signal exits at once`)
  await daemon.stop()
  platform.log.info('daemon.stopped', 'everything fetched is on the target, the progress is written')
  return exitCode.ok
}

/** SIGHUP: what changed goes to the log, and so does why nothing did. */
async function reload(log: Logger, daemon: Daemon): Promise<void> {
  try {
    const { applied, ...report } = await daemon.reload()
    log.info(
      'daemon.reloaded',
      applied ? 'the configuration was reloaded' : 'the configuration is what runs already',
      report,
    )
  } catch (error) {
    log.error('daemon.reload-refused', `nothing was changed: ${(error as Error).message}`)
  }
}
