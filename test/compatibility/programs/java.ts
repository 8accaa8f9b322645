import { createHash } from 'node:crypto'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { javaArguments, kafkaVersion } from '../../support/apache-kafka.ts'
import { type CacheFolder, cacheFolder } from '../../support/cache-folder.ts'
import { type JarSet, jars } from '../../support/external-jars.ts'
import { runExternal } from '../../support/external-process.ts'
import { type CaseName, clientCases } from './client-cases.ts'
import type { ClientProgram } from './client-program.ts'

/** Kafka's own clients: producer, both consumers and Admin. */
export const java: ClientProgram = {
  name: `Kafka's Java clients ${kafkaVersion}`,
  cases: Object.keys(clientCases) as CaseName[],
  prepare: async () => {
    const built = await compiledJava('clients')
    if (built.reason !== undefined) return built
    return { command: 'java', args: javaArguments('ClientCases', [], undefined, [built.folder]) }
  },
}

/** Classes of a folder beside test/compatibility/java, compiled once for each state of their sources. */
export async function compiledJava(name: string, ...further: JarSet[]): Promise<CacheFolder> {
  const found = (['kafka', ...further] as const).map((set) => jars(set))
  const reason = found.find((one) => one.reason !== undefined)?.reason
  if (reason !== undefined) return { reason }
  const classpath = found.map((one) => ('classpath' in one ? one.classpath : '')).join(':')
  const directory = join(import.meta.dirname, '..', 'java', name)
  const sources = readdirSync(directory).map((file) => join(directory, file))
  const hash = hashOf([kafkaVersion, ...sources.map((source) => readFileSync(source, 'utf8'))])
  return await cacheFolder(`java-${name}-${hash}`, async (folder) => {
    const { code, stderr } = await runExternal('javac', ['-d', folder, '-cp', classpath, ...sources])
    return code === 0 ? undefined : `javac ended with ${code}: ${stderr.slice(0, 2000)}`
  })
}

export function hashOf(texts: readonly string[]): string {
  const hash = createHash('sha256')
  for (const text of texts) hash.update(text).update('\0')
  return hash.digest('hex').slice(0, 12)
}
