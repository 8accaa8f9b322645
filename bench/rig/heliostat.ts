// This checkout's daemon, as `heliostat run FILE` of the published package starts it: compiled to JavaScript, default settings.
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { ExternalProcess } from '../../test/support/external-process.ts'
import { compiledFile, version } from './compiled.ts'
import type { Contestant, MirrorJob } from './contestant.ts'

export interface HeliostatSettings {
  readonly delivery?: 'exactly-once' | 'transactional'
  /** Threads that records pass through. */
  readonly workers?: number
}

export function heliostat(settings: HeliostatSettings = {}): Contestant {
  const said = Object.entries(settings).map(([name, value]) => `${name}: ${value}`)
  return {
    name: ['heliostat', ...said].join(', '),
    settings: `heliostat ${version}, Node ${process.version}, ${said.join(', ') || 'defaults'}`,
    start: (job) => {
      const file = join(job.directory, `${job.alias}.yaml`)
      writeFileSync(file, configuration(job, settings))
      return new ExternalProcess(process.execPath, [compiledFile('cli', 'main.js'), 'run', file])
    },
    hasWork: async ({ stderr }) => {
      const url = /"url":"([^"]+)"/.exec(stderr)?.[1]
      if (url === undefined) return false
      const flows = (await (await fetch(`${url}/api/v1/flows`)).json()) as { partitions: number }[]
      return flows.some(({ partitions }) => partitions > 0)
    },
  }
}

/** JSON is YAML. */
function configuration(job: MirrorJob, { delivery, workers }: HeliostatSettings): string {
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
    workers,
  })
}
