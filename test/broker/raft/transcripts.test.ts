// Each file of transcripts/ is a story: commands, and what must come of them. UPDATE=1 rewrites what came; review the diff.
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { Transcript } from './transcript.ts'

const directory = join(import.meta.dirname, 'transcripts')

/** The file with its expected outputs replaced by what happens. */
function replay(story: string): string {
  const transcript = new Transcript()
  return story.replace(/^([^#\n-][^\n]*)\n----\n(?:[^\n]+\n)*/gm, (_block, command: string) => {
    return `${command}\n----\n${transcript.run(command)}`
  })
}

for (const file of readdirSync(directory)) {
  it(`replicas of the metadata log do what ${file} tells`, () => {
    const path = join(directory, file)
    const story = readFileSync(path, 'utf8')
    const played = replay(story)
    if (process.env['UPDATE'] === '1') writeFileSync(path, played)
    else expect(played).toBe(story)
    expect(played).not.toBe('')
  })
}
