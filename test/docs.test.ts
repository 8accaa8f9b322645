import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { metrics } from '../src/server/metrics.ts'

const root = join(import.meta.dirname, '..')
const page = (name: string) => readFileSync(join(root, 'docs', name), 'utf8')

it('docs/operating.md has a row for every metric, with its type and sentence', () => {
  const operating = page('operating.md')
  for (const { name, type, help } of metrics) expect(operating).toContain(`| \`${name}\` | ${type} | ${help} |`)
})

describe('docs/fidelity.md', () => {
  const rows = [...page('fidelity.md').matchAll(/^\| (\d+) \| (.+) \| (.+) \| (.+) \|$/gm)]
  const shown = rows.map(([, number, , , last]) => ({ number, last: last! }))

  it('has each of the 98 statements once, in order', () => {
    expect(rows.map(([, number]) => Number(number))).toEqual(Array.from({ length: 98 }, (_, index) => index + 1))
  })

  it('names only tests that exist', () => {
    const missing: string[] = []
    for (const { number, last } of shown) {
      for (const [, path, title] of last.matchAll(/`(test\/[^` ]+)(?: › ([^`]+))?`/g)) {
        const file = join(root, path!)
        if (!existsSync(file)) missing.push(`${number}: ${path}`)
        else if (title !== undefined && !hasTest(readFileSync(file, 'utf8'), title))
          missing.push(`${number}: ${path} › ${title}`)
        else if (title === undefined && !path!.includes('/transcripts/'))
          missing.push(`${number}: ${path} without a title`)
      }
    }
    expect(missing).toEqual([])
  })

  it('says of each statement how it is shown, or that it is not', () => {
    const silent = shown.filter(({ last }) => !/`test\/|^–$|needs several brokers/.test(last))
    expect(silent).toEqual([])
  })
})

/** Whether a test is called that: as the first argument of a call, in whatever quotes. */
function hasTest(source: string, title: string): boolean {
  return ["'", '"', '`'].some(
    (quote) => source.includes(`(${quote}${title}${quote}`) || source.includes(`${quote}${title}${quote},`),
  )
}
