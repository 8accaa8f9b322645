// This checkout's daemon, as `heliostat run FILE` of the published package starts it: compiled to JavaScript, default settings.
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { ExternalProcess } from '../../test/support/external-process.ts'
import { compiledFile, version } from './compiled.ts'
import type { Contestant, MirrorJob } from './contestant.ts'

export function heliostat(): Contestant {
  return {
    name: 'heliostat',
    settings: `heliostat ${version}, Node ${process.version}, defaults`,
    start: (job) => {
      const file = join(job.directory, `${job.alias}.yaml`)
      writeFileSync(file, configuration(job))
      return new ExternalProcess(process.execPath, [compiledFile('cli', 'main.js'), 'run', file])
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
