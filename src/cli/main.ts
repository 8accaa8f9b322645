// `heliostat …`: the grammar of the command line. Each command is a file of its own, loaded when it is called.
import { Command, CommanderError, InvalidArgumentError, Option } from 'commander'
import { ConfigError, formatProblem } from '../config/problem.ts'
import { bandwidthForms, durationForms, parseBandwidth, parseDuration } from '../config/quantity.ts'
import { HeliostatError } from '../platform/errors.ts'
import { version } from '../platform/node-package.ts'
import { exitCode } from './exit-code.ts'
import { type Format, formats } from './output.ts'

const output = () =>
  new Option('-o, --output <format>', 'form of the answer').choices(formats).default('table' satisfies Format)

/** Where `heliostat broker` answers unless it is told otherwise. */
const control = () => new Option('--url <url>', 'control address of the broker').default('http://127.0.0.1:8643')

function natural(text: string): number {
  if (!/^\d+$/.test(text) || !Number.isSafeInteger(Number(text)))
    throw new InvalidArgumentError('must be a whole number.')
  return Number(text)
}

function naturalOrAll(text: string): number | 'all' {
  return text === 'all' ? text : natural(text)
}

function duration(text: string): number {
  const ms = parseDuration(text)
  if (ms === undefined) throw new InvalidArgumentError(`must be ${durationForms}.`)
  return ms
}

function bandwidth(text: string): number {
  const bits = parseBandwidth(text)
  if (bits === undefined) throw new InvalidArgumentError(`must be ${bandwidthForms}.`)
  return bits
}

function fraction(text: string): number {
  const value = Number(text)
  if (text.trim() === '' || !Number.isFinite(value)) throw new InvalidArgumentError('must be a number.')
  return value
}

function program(): Command {
  const heliostat = new Command('heliostat')
    .description('Mirrors Apache Kafka clusters: batches pass through, exactly once, with exact offset translation')
    .version(version(), '-V, --version')
    .exitOverride()
    .configureHelp({ showGlobalOptions: true })
    .addHelpText(
      'after',
      '\nExit codes: 0 ok · 1 failed · 2 usage, or changes · 3 not ready · 4 unreachable · 78 bad configuration',
    )
  const command = (grammar: string, description: string) =>
    heliostat.command(grammar).description(description).exitOverride()

  command('run', 'mirror what the configuration says, until SIGTERM')
    .argument('<file>', 'configuration')
    .addOption(new Option('--log-level <level>').choices(['debug', 'info', 'warn', 'error']).default('info'))
    .option('--beside-mirrormaker', 'run although a MirrorMaker 2 copies between the same clusters', false)
    .option('--clusters <names...>', 'only mirrors to these clusters: those near this machine')
    .action(async (file, options) => end(await (await import('./run.ts')).run(file, options)))
  command('demo', 'two datacenters of embedded brokers, live traffic, the mirror')
    .option('--scripted', 'play outage, failover and failback unattended, check every record, exit 0 or 1', false)
    .option('--seconds <n>', 'length of each scripted act', natural, 4)
    .action(async (options) => end(await (await import('./demo.ts')).demo(options)))
  command('broker', 'embedded clusters, for tests')
    .argument('[topology]', 'topology file; without it one cluster, local')
    .option('--brokers <n>', 'brokers of that cluster', natural, 1)
    .option('--port <port>', 'port of the first broker, the others run on; 0 takes free ones', natural, 9092)
    .option('--node <cluster/id>', 'only that broker of the topology: each in a process of its own')
    .option('--data <directory>', 'keep the logs there; by default in memory')
    .option(
      '--control <port>',
      'port of the control address, 0 takes a free one; by default 8643 if it is free',
      natural,
    )
    .addOption(new Option('--log-level <level>').choices(['debug', 'info', 'warn', 'error']).default('info'))
    .action(async (topology, options) => end(await (await import('./broker.ts')).broker(topology, options)))
  faultCommands(command('fault', 'faults on purpose in running embedded clusters, for tests of clients'))
  linkCommands(command('link', 'the links between the datacenters of running embedded clusters: cut, heal, slow, …'))
  command('create', 'print a configuration to start from')
    .option('--from <cluster>', 'name of the source', 'east')
    .option('--to <cluster>', 'name of the target', 'west')
    .action(async (options) => end((await import('./create.ts')).create(options)))
  command('lint', 'check files without a network')
    .argument('<files...>')
    .addOption(output())
    .option('--deny-warnings', 'warnings fail too', false)
    .action(async (files, options) => end((await import('./lint.ts')).lint(files, options)))
  command(
    'check',
    'dial the clusters of a file: whether they answer, their versions, rights, and that none has two names',
  )
    .argument('<file>', 'configuration')
    .addOption(output())
    .action(async (file, options) => end(await (await import('./check.ts')).check(file, options)))
  command('schema', 'print the JSON Schema of the configuration, for editors').action(async () =>
    end((await import('./schema.ts')).schema()),
  )
  command('plan', 'what a run would create, alter or delete, each with its rule; nothing is changed')
    .argument('<file>', 'configuration')
    .option('--detailed-exitcode', 'exit 2 when there is something to change', false)
    .addOption(output())
    .action(async (file, options) => end(await (await import('./plan.ts')).plan(file, options)))
  command('explain', 'every rule that led to a topic or group being mirrored or not, translated or not')
    .argument('<name>', 'topic or group')
    .argument('[file]', 'configuration: ask the clusters')
    .option('--flow <flow>', 'only of this mirror')
    .option('--url <url>', 'address of the daemon', 'http://127.0.0.1:8642')
    .option('--token <token>', 'bearer token of the daemon; HELIOSTAT_TOKEN does too')
    .addOption(output())
    .action(async (name, file, options) => end(await (await import('./explain.ts')).explain(name, file, options)))
  command('acls', 'the least rights that the mirrors of a file need at each cluster, as lines of kafka-acls')
    .argument('<file>', 'configuration')
    .option('--principal <principal>', 'to whom; by default the users of the file: User:mirror')
    .addOption(output())
    .action(async (file, options) => end((await import('./acls.ts')).acls(file, options)))
  command('import', 'turn a file of MirrorMaker 2 into a configuration: mm2.properties, Strimzi YAML, connector JSON')
    .argument('<file>')
    .action(async (file) => end((await import('./import.ts')).importFile(file)))
  command('status', 'how the flows stand, from a running daemon or straight from the clusters')
    .argument('[file]', 'configuration: ask the clusters')
    .option('--url <url>', 'address of the daemon', 'http://127.0.0.1:8642')
    .option('--token <token>', 'bearer token of the daemon; HELIOSTAT_TOKEN does too')
    .addOption(output())
    .action(async (file, options) => end(await (await import('./status.ts')).status(file, options)))
  for (const [name, description] of [
    [
      'groups',
      'every group: committed, translated, what it would read again on the target, and why it has no place there',
    ],
    ['gaps', 'the gap ledger: what is known to be missing on the target, or to be there and not from the source'],
  ] as const)
    command(name, description)
      .argument('[file]', 'configuration: ask the clusters')
      .option('--flow <flow>', 'only of this mirror')
      .option('--url <url>', 'address of the daemon', 'http://127.0.0.1:8642')
      .option('--token <token>', 'bearer token of the daemon; HELIOSTAT_TOKEN does too')
      .addOption(output())
      .action(async (file, options) =>
        end(
          name === 'groups'
            ? await (await import('./groups.ts')).groups(file, options)
            : await (await import('./gaps.ts')).gaps(file, options),
        ),
      )
  command('jobs', 'the background jobs of a running daemon: state, last run and its outcome, next run, retries')
    .option('--url <url>', 'address of the daemon', 'http://127.0.0.1:8642')
    .option('--token <token>', 'bearer token of the daemon; HELIOSTAT_TOKEN does too')
    .addOption(output())
    .action(async (options) => end(await (await import('./jobs.ts')).jobs(options)))
  command('translate', 'where an offset, or all that a group committed, is on the other side; exactly')
    .argument('<file>', 'configuration')
    .option('--flow <flow>', 'name of the mirror; not needed when there is one')
    .option('--group <group>', 'a consumer group of the source')
    .option('--topic <topic>', 'a topic of the source')
    .option('--partition <n>', 'its partition', natural)
    .option('--offset <n>', 'an offset in it', natural)
    .option('--reverse', 'from the target to the source; topic and offset are then those of the target', false)
    .addOption(output())
    .action(async (file, options) => end(await (await import('./translate.ts')).translate(file, options)))
  command('version', 'print the version').action(() => {
    process.stdout.write(`${version()}\n`)
    end(exitCode.ok)
  })
  return heliostat
}

function faultCommands(fault: Command): void {
  const command = (grammar: string, description: string) =>
    fault.command(grammar).description(description).addOption(control()).addOption(output()).exitOverride()
  command('add', 'plan a fault; what is not said matches anything, and for ever')
    .option('--cluster <name>', 'which cluster; not needed when there is one')
    .option('--api <names...>', 'by Kafka’s names: Produce Fetch')
    .option('--topic <pattern>', 'regular expression for the whole name')
    .option('--partition <n>', 'partition of such a topic', natural)
    .option('--client <pattern>', 'regular expression for the whole client id')
    .option('--principal <pattern>', 'regular expression for User:name')
    .option('--listener <pattern>', 'regular expression for the listener’s name')
    .option('--error <code>', 'answer so and do not carry it out, by Kafka’s name: NOT_LEADER_OR_FOLLOWER')
    .option('--drop <what>', 'request: not carried out, not answered; response: carried out, not answered')
    .option('--close <when>', 'close the connection before or after carrying it out')
    .option('--delay <duration>', 'answer so much later; goes with the others', duration)
    .option('--times <n>', 'so many requests, then no more', natural)
    .option('--skip <n>', 'let so many matching requests pass first', natural)
    .option('--probability <p>', 'draw for each matching request', fraction)
    .action(async (options) => end(await (await import('./fault.ts')).addFault(options)))
  command('list', 'the faults and how many requests each met').action(async (options) =>
    end(await (await import('./fault.ts')).listFaults(options)),
  )
  command('remove', 'take faults away')
    .argument('[ids...]')
    .option('--all', 'all of all clusters', false)
    .action(async (ids, options) => end(await (await import('./fault.ts')).removeFaults(ids, options)))
}

function linkCommands(link: Command): void {
  const command = (grammar: string, description: string) =>
    link.command(grammar).description(description).addOption(control()).addOption(output()).exitOverride()
  const ofTwo = (grammar: string, description: string) =>
    command(grammar, description).argument('<from>', 'a datacenter').argument('<to>', 'another')
  const ofOneOrAll = (grammar: string, description: string) =>
    command(grammar, description)
      .argument('<from>', 'a datacenter')
      .argument('[to]', 'another; without it, all links of the first')
  const oneWay = () => new Option('--one-way', 'only from the first to the second')
  command('list', 'how the links stand').action(async (options) =>
    end(await (await import('./link.ts')).listLinks(options)),
  )
  ofOneOrAll('cut', 'nothing passes until it is healed, and nobody is told')
    .addOption(oneWay())
    .action(async (from, to, options) => end(await (await import('./link.ts')).changeLinks('cut', from, to, options)))
  ofOneOrAll('stall', 'open connections carry nothing until it is healed, new ones are not affected')
    .addOption(oneWay())
    .action(async (from, to, options) => end(await (await import('./link.ts')).changeLinks('stall', from, to, options)))
  ofOneOrAll('reset', 'break the connections that are open').action(async (from, to, options) =>
    end(await (await import('./link.ts')).changeLinks('reset', from, to, options)),
  )
  ofOneOrAll('slow', 'change what is named, for what is sent from then on')
    .option('--latency <duration>', 'one way', duration)
    .option('--jitter <duration>', 'the latency is off by up to so much, earlier or later', duration)
    .option('--bandwidth <bandwidth>', 'each way, for all connections together: 10Mbit', bandwidth)
    .addOption(oneWay())
    .action(async (from, to, options) => end(await (await import('./link.ts')).changeLinks('slow', from, to, options)))
  command('heal', 'as the topology says again; without names, all links')
    .argument('[from]', 'a datacenter')
    .argument('[to]', 'another; without it, all links of the first')
    .action(async (from, to, options) => end(await (await import('./link.ts')).healLinks(from, to, options)))
  ofTwo('fault', 'plan what becomes of one of Kafka’s messages; what is not said matches anything')
    .option('--api <names...>', 'by Kafka’s names: Produce Fetch')
    .addOption(
      new Option('--direction <direction>', 'requests to the cluster, or the answers').choices(['request', 'answer']),
    )
    .option('--client <pattern>', 'regular expression for the whole client id')
    .option('--cluster <name>', 'only what is for or from this cluster')
    .option('--nth <n>', 'the first that it meets of those that match; 1', natural)
    .option('--times <n>', 'how many it meets, from there on, or all; 1', naturalOrAll)
    .option('--drop', 'it does not arrive, nor what is behind it on its connection')
    .option('--close', 'it does not arrive, and its connection breaks')
    .option('--delay <duration>', 'it, and what is behind it, arrives so much later', duration)
    .action(async (from, to, options) => end(await (await import('./link.ts')).addLinkFault([from, to], options)))
  command('faults', 'the faults of the links and how many messages each met').action(async (options) =>
    end(await (await import('./link.ts')).listLinkFaults(options)),
  )
  command('remove', 'take faults of links away')
    .argument('[ids...]')
    .option('--all', 'all of all links', false)
    .action(async (ids, options) => end(await (await import('./link.ts')).removeLinkFaults(ids, options)))
}

/** Sets the exit code rather than exiting, so that what was written to a pipe arrives. */
function end(code: number): void {
  process.exitCode = code
}

const EXIT_CODES: ReadonlyMap<string, number> = new Map([
  ['HEL_USAGE', exitCode.usage],
  ['HEL_CONFIG', exitCode.badConfig],
  ['HEL_UNREACHABLE', exitCode.unreachable],
  ['HEL_NO_PROGRESS', exitCode.notReady],
])

/** What a command threw, as a person should read it, and the code to exit with. */
export function report(error: unknown): number {
  if (error instanceof CommanderError) return error.exitCode === 0 ? exitCode.ok : exitCode.usage
  if (error instanceof ConfigError) {
    for (const problem of error.problems) process.stderr.write(`${formatProblem(error.file, problem)}\n`)
    return exitCode.badConfig
  }
  if (error instanceof HeliostatError) {
    process.stderr.write(`heliostat: ${error.message}\n`)
    return EXIT_CODES.get(error.code) ?? exitCode.failed
  }
  process.stderr.write(`heliostat: ${(error as Error)?.stack ?? String(error)}\n`)
  return exitCode.failed
}

const major = Number(process.versions.node.split('.')[0])
if (major < 24) {
  process.stderr.write(`heliostat needs Node 24 or newer; this is ${process.versions.node}\n`)
  process.exitCode = exitCode.failed
} else {
  try {
    await program().parseAsync()
  } catch (error) {
    end(report(error))
  }
}
