// Where Apache Kafka's jars come from: an unpacked Kafka that HELIOSTAT_KAFKA_HOME names, else Maven Central, resolved once
// into the user's cache directory. Everything that needs a JVM asks here whether there is ground for it.
import { spawnSync } from 'node:child_process'
import {
  closeSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { dirname, join } from 'node:path'
import { cacheDirectory } from './cache-folder.ts'

export const kafkaVersion = process.env['HELIOSTAT_KAFKA_VERSION'] ?? '4.3.1'

const resolveTimeoutMs = 300_000
/** A resolve that failed is not tried again by each test file of the same run. */
const failureMemoryMs = 600_000

/** The jars, or the reason why there are none. */
export type Jars = { readonly classpath: string; readonly reason?: undefined } | { readonly reason: string }

/** Each set is fetched by itself, so that one that cannot be had takes nothing from the others. */
const artifacts = {
  /** The broker, its console tools, MirrorMaker 2, and the logging back end that Kafka's own distribution ships. */
  kafka: [
    ['org.apache.kafka', 'kafka_2.13', kafkaVersion],
    ['org.apache.kafka', 'kafka-tools', kafkaVersion],
    ['org.apache.kafka', 'connect-mirror', kafkaVersion],
    ['org.apache.logging.log4j', 'log4j-slf4j-impl', '2.25.4'],
  ],
  /** What is built on Kafka: Streams with RocksDB, and Connect's own file connectors. */
  'kafka-applications': [
    ['org.apache.kafka', 'kafka-streams', kafkaVersion],
    ['org.apache.kafka', 'connect-file', kafkaVersion],
  ],
} as const

export type JarSet = keyof typeof artifacts

const known = new Map<JarSet, Jars>()

export function jars(set: JarSet = 'kafka'): Jars {
  const found = known.get(set) ?? find(set)
  known.set(set, found)
  return found
}

/** Why nothing that needs Apache Kafka can run on this machine; undefined when it can. */
export function unavailable(): string | undefined {
  return jars().reason
}

function find(set: JarSet): Jars {
  if (process.platform === 'win32') return { reason: 'Apache Kafka is started through a POSIX shell' }
  const java = spawnSync('java', ['-version'], { encoding: 'utf8' })
  if (java.error) return { reason: 'no java on PATH' }
  const major = Number(/version "(\d+)/.exec(java.stderr)?.[1] ?? 0)
  if (major < 17) return { reason: `java ${major} is too old: Kafka 4 brokers need 17` }

  const home = process.env['HELIOSTAT_KAFKA_HOME']
  if (home) {
    if (existsSync(join(home, 'libs'))) return { classpath: join(home, 'libs', '*') }
    return { reason: `HELIOSTAT_KAFKA_HOME=${home} has no libs directory` }
  }
  const cache = join(cacheDirectory, `${set}-${kafkaVersion}`)
  const libs = join(cache, 'libs')
  if (!existsSync(libs)) {
    const reason = resolveOnce(set, cache)
    if (reason) return { reason }
  }
  return { classpath: join(libs, '*') }
}

/** Fills `cache`/libs; test files run side by side, so one resolves and the others wait for it. */
function resolveOnce(set: JarSet, cache: string): string | undefined {
  const failed = `${cache}.failed`
  const remembered = () => (age(failed) < failureMemoryMs ? readFileSync(failed, 'utf8') : undefined)
  if (remembered()) return remembered()
  mkdirSync(dirname(cache), { recursive: true })
  const lock = `${cache}.lock`
  while (!take(lock)) {
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 200)
    if (existsSync(join(cache, 'libs'))) return undefined
    if (remembered()) return remembered()
  }
  try {
    const reason = existsSync(join(cache, 'libs')) ? undefined : resolve(set, cache)
    if (reason) writeFileSync(failed, reason)
    return reason
  } finally {
    rmSync(lock, { force: true })
  }
}

function take(lock: string): boolean {
  // A lock this old was left by a process that was killed while it resolved.
  if (age(lock) > resolveTimeoutMs) rmSync(lock, { force: true })
  try {
    closeSync(openSync(lock, 'wx'))
    return true
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false
    throw error
  }
}

function age(path: string): number {
  const found = statSync(path, { throwIfNoEntry: false })
  return found ? Date.now() - found.mtimeMs : Number.POSITIVE_INFINITY
}

function resolve(set: JarSet, cache: string): string | undefined {
  if (spawnSync('mvn', ['-v']).error) return 'no mvn on PATH, and HELIOSTAT_KAFKA_HOME does not name an unpacked Kafka'
  process.stderr.write(`heliostat: resolving ${set} ${kafkaVersion} from Maven Central …\n`)
  const folder = mkdtempSync(`${cache}.`)
  try {
    writeFileSync(join(folder, 'pom.xml'), pom(artifacts[set]))
    const copy = [
      '-B',
      '-q',
      'dependency:copy-dependencies',
      '-DincludeScope=runtime',
      `-DoutputDirectory=${join(folder, 'libs')}`,
    ]
    const maven = spawnSync('mvn', copy, { cwd: folder, encoding: 'utf8', timeout: resolveTimeoutMs })
    if (maven.status !== 0) {
      const word = /ERROR.*/.exec(maven.stdout)?.[0] ?? maven.error?.message ?? `exit ${maven.status}`
      return `mvn could not resolve ${set} ${kafkaVersion}: ${word.slice(0, 300)}`
    }
    // The rename makes the folder appear whole or not at all.
    renameSync(folder, cache)
    return undefined
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

function pom(wanted: readonly (readonly string[])[]): string {
  const dependency = ([group, artifact, version]: readonly string[]) =>
    `<dependency><groupId>${group}</groupId><artifactId>${artifact}</artifactId><version>${version}</version></dependency>`
  return `<project xmlns="http://maven.apache.org/POM/4.0.0">
<modelVersion>4.0.0</modelVersion>
<groupId>heliostat</groupId><artifactId>external-kafka</artifactId><version>1</version>
<dependencies>${wanted.map(dependency).join('')}</dependencies>
</project>
`
}
