// This checkout's daemon, as `heliostat run FILE` of the published package starts it: compiled to JavaScript, default settings.
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { ExternalProcess } from '../../test/support/external-process.ts'
import { compiledFile, version } from './compiled.ts'
import type { Contestant, MirrorJob } from './contestant.ts'

export function heliostat(delivery: 'exactly-once' | 'transactional' = 'exactly-once'): Contestant {
  return {
    name: delivery === 'exactly-once' ? 'heliostat' : `heliostat, ${delivery}`,
    settings: `heliostat ${version}, Node ${process.version}, ${delivery === 'exactly-once' ? 'defaults' : `delivery: ${delivery}`}`,
    start: (job) => {
      const file = join(job.directory, `${job.alias}.yaml`)
      writeFileSync(file, configuration(job, delivery))
      return new ExternalProcess(process.execPath, [compiledFile('cli', 'main.js'), 'run', file])
    },
  }
}

/** JSON is YAML. */
function configuration(job: MirrorJob, delivery: string): string {
  return JSON.stringify({
    version: 1,
    clusters: { [job.alias]: { bootstrap: [job.source] }, target: { bootstrap: [job.target] } },
    mirrors: [
      {
        from: job.alias,
        to: 'target',
        delivery,
        topics: { include: [job.topics] },
        groups: job.groups === undefined ? { exclude: ['.*'] } : { include: [job.groups] },
      },
    ],
    server: { listen: '127.0.0.1:0' },
  })
}
