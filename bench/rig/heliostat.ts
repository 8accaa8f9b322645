// This checkout's daemon, as `heliostat run FILE` of the published package starts it: compiled to JavaScript, default settings.
import { spawnSync } from 'node:child_process'
import { cpSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { ExternalProcess } from '../../test/support/external-process.ts'
import type { Contestant, MirrorJob } from './contestant.ts'

const root = join(import.meta.dirname, '..', '..')
const version = (JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { version: string }).version
const page = ['server', 'dashboard']

/** Compiles the checkout, so that what is measured is its newest state. */
export function heliostat(): Contestant {
  const compiler = join(root, 'node_modules', '.bin', 'tsc')
  const compiled = spawnSync(compiler, ['-p', join(root, 'tsconfig.build.json')], { encoding: 'utf8' })
  if (compiled.status !== 0) throw new Error(`tsc ended with ${compiled.status}\n${compiled.stdout}`)
  cpSync(join(root, 'src', ...page), join(root, 'dist', ...page), { recursive: true })
  return {
    name: 'heliostat',
    settings: `heliostat ${version}, Node ${process.version}, defaults`,
    start: (job) => {
      const file = join(job.directory, `${job.alias}.yaml`)
      writeFileSync(file, configuration(job))
      return new ExternalProcess(process.execPath, [join(root, 'dist', 'cli', 'main.js'), 'run', file])
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
