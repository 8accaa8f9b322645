// Sessions as text, for the seed corpus and for what fuzzing finds: a line per write, so that a person can read and cut them.
//
//   # what it is about
//   > 00000012000300010000000100007fffffff     bytes, written in one go
//   wait 500                                   milliseconds pass
//   deaf · listen                              the client stops reading, and reads again
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

export type Step = { readonly bytes: Buffer } | { readonly waitMs: number } | { readonly reads: boolean }

export interface Session {
  readonly about: string
  readonly steps: readonly Step[]
}

const LINE_BYTES = 100

export function formatSession({ about, steps }: Session): string {
  const lines = steps.map((step) => {
    if ('waitMs' in step) return `wait ${step.waitMs}`
    if ('reads' in step) return step.reads ? 'listen' : 'deaf'
    const hex = step.bytes.toString('hex')
    return `> ${hex.match(new RegExp(`.{1,${LINE_BYTES}}`, 'g'))?.join('\n  ') ?? ''}`
  })
  return `${about
    .split('\n')
    .map((line) => `# ${line}\n`)
    .join('')}${lines.join('\n')}\n`
}

export function parseSession(text: string): Session {
  const about: string[] = []
  const steps: Step[] = []
  for (const line of text.replaceAll('\n  ', '').split('\n')) {
    const [word, rest = ''] = /^(\S*) ?(.*)$/.exec(line)!.slice(1)
    if (word === '#') about.push(rest)
    else if (word === '>') steps.push({ bytes: Buffer.from(rest.trim(), 'hex') })
    else if (word === 'wait') steps.push({ waitMs: Number(rest) })
    else if (word === 'deaf' || word === 'listen') steps.push({ reads: word === 'listen' })
    else if (word !== '') throw new Error(`no line of a session: ${line.slice(0, 80)}`)
  }
  return { about: about.join('\n'), steps }
}

export interface CorpusFile extends Session {
  readonly file: string
}

export function readCorpus(): CorpusFile[] {
  const folder = join(import.meta.dirname, 'corpus')
  return readdirSync(folder)
    .sort()
    .map((file) => ({ file, ...parseSession(readFileSync(join(folder, file), 'utf8')) }))
}
