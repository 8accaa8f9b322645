// This checkout's daemon, as `heliostat run FILE` starts it, with default settings.
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { ExternalProcess } from '../../test/support/external-process.ts'
import type { Contestant, MirrorJob } from './contestant.ts'

const root = join(import.meta.dirname, '..', '..')
const version = (JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { version: string }).version

export function heliostat(): Contestant {
  return {
    name: 'heliostat',
    settings: `heliostat ${version}, Node ${process.version}, defaults`,
    start: (job) => {
      const file = join(job.directory, `${job.alias}.yaml`)
      writeFileSync(file, configuration(job))
      return new ExternalProcess(process.execPath, [join(root, 'src', 'cli', 'main.ts'), 'run', file])
    },
  }
}

/** JSON is YAML. */
function configuration(job: MirrorJob): string {
  return JSON.stringify({
    version: 1,
    clusters: { [job.alias]: { bootstrap: [job.source] }, target: { bootstrap: [job.target] } },
    mirrors: [
      {
        from: job.alias,
        to: 'target',
        topics: { include: [job.topics] },
        groups: job.groups === undefined ? { exclude: ['.*'] } : { include: [job.groups] },
      },
    ],
    server: { listen: '127.0.0.1:0' },
  })
}
