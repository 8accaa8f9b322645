import { dirname } from 'node:path'
import { type Config, loadConfig, type MirrorJob } from '../config/config.ts'
import { formatProblem } from '../config/problem.ts'
import { startDaemon } from '../daemon.ts'
import { liveMirrorMaker } from '../mirror/live-mirrormaker.ts'
import { HeliostatError } from '../platform/errors.ts'
import { collectInSmallSteps, returnMemory } from '../platform/node-collector.ts'
import { version } from '../platform/node-package.ts'
import { nodePlatform } from '../platform/node-platform.ts'
import { type LogLevel, type Platform, sleep } from '../platform/platform.ts'
import { exitCode } from './exit-code.ts'
import { withFlow } from './flow-session.ts'
import { readConfigFile } from './lint.ts'
import { untilSignal } from './until-signal.ts'

export interface RunOptions {
  readonly logLevel: LogLevel
  /** Runs although a MirrorMaker 2 copies between the same clusters. */
  readonly besideMirrormaker: boolean
  /** Only mirrors to these; undefined: all. */
  readonly clusters?: readonly string[]
}

/** A cluster that does not answer cannot tell, and must not keep the others from being mirrored; */
const REACH_MS = 5_000
/** one that does, from afar, is given its time: it is asked a dozen times over new connections. */
const ASK_MS = 30_000

/** The daemon: mirrors until a signal, then drains. */
export async function run(file: string, { logLevel, besideMirrormaker, clusters }: RunOptions): Promise<number> {
  collectInSmallSteps()
  const load = () => {
    const { config, warnings } = loadConfig(readConfigFile(file), file, process.env)
    for (const warning of warnings) process.stderr.write(`${formatProblem(file, warning)}\n`)
    return clusters ? onlyTo(clusters, config, file) : config
  }
  const config = load()
  const platform = nodePlatform({ log: { level: logLevel } })
  const asked = besideMirrormaker ? Promise.resolve() : refuseToDouble(platform, file, config)
  const reloaded = async () => {
    const next = load()
    const { flows } = await starting
    const mirrors = next.mirrors.filter(({ name }) => !flows.has(name))
    if (!besideMirrormaker) await refuseToDouble(platform, file, { ...next, mirrors })
    return next
  }
  const options = { version: version(), directory: dirname(file), onQuiet: returnMemory, load: reloaded }
  const starting = asked.then(() => startDaemon(platform, config, options))
  // From now on, or one that comes early would end the process.
  process.on('SIGHUP', () => void starting.then((daemon) => daemon.reload()).catch(() => undefined)) // the log has it
  const daemon = await starting
  platform.log.info('daemon.started', `heliostat ${version()} runs ${config.mirrors.length} flows; ${daemon.url}`, {
    url: daemon.url,
    flows: [...daemon.flows.keys()],
  })
  const signal = await untilSignal()
  platform.log.info('daemon.stopping', `${signal}: finishing what is in flight; a second signal exits at once`)
  await daemon.stop()
  platform.log.info('daemon.stopped', 'stopped; the next start goes on behind what the target has')
  return exitCode.ok
}

/** An instance near these clusters leaves the others to those near them, all with the same file: MirrorMaker's `--clusters`. */
function onlyTo(names: readonly string[], config: Config, file: string): Config {
  const known = Object.keys(config.clusters)
  const unknown = names.filter((name) => !known.includes(name))
  const usage = (message: string) => new HeliostatError('HEL_USAGE', message, { where: { file } })
  if (unknown.length > 0)
    throw usage(`--clusters: there is no cluster ${unknown.join(', ')} in ${file}; defined: ${known.join(', ')}`)
  const mirrors = config.mirrors.filter(({ to }) => names.includes(to))
  if (mirrors.length === 0) throw usage(`--clusters: no mirror of ${file} goes to ${names.join(', ')}`)
  const used = new Set(mirrors.flatMap(({ from, to }) => [from, to]))
  const clusters = Object.fromEntries(Object.entries(config.clusters).filter(([name]) => used.has(name)))
  return { ...config, clusters, mirrors }
}

/** Two mirrors between the same clusters write every record twice. */
async function refuseToDouble(platform: Platform, file: string, config: Config): Promise<void> {
  const within = <T>(ms: number, asked: Promise<T>) =>
    Promise.race([asked.catch(() => undefined), sleep(platform.clock, ms).then(() => 'too late' as const)])
  const ask = (job: MirrorJob) =>
    withFlow(file, config, job, async ({ source, target, policy }) => {
      const pair = { source, target, sourceAlias: job.from, targetAlias: job.to, policy }
      const reached = await within(REACH_MS, Promise.all([source.refresh(), target.refresh()]))
      const told = Array.isArray(reached) ? await within(ASK_MS, liveMirrorMaker(platform, pair)) : 'too late'
      if (told !== 'too late') return told
      const message = `${job.from} or ${job.to} does not say whether a MirrorMaker 2 copies the same; it is taken for stopped`
      platform.log.warn('mirrormaker.unknown', message, { flow: job.name })
      return undefined
    })
  const found = await Promise.all(config.mirrors.map(ask))
  const lives = config.mirrors.flatMap(({ name }, index) => (found[index] ? [`${name}: ${found[index]}`] : []))
  if (lives.length === 0) return
  const message = `a MirrorMaker 2 seems to copy the same: ${lives.join('; ')}. Stop it and wait for three minutes, or run with --beside-mirrormaker when it is stopped or its topics are others`
  throw new HeliostatError('HEL_MIRRORMAKER_LIVES', message, { where: { file } })
}
