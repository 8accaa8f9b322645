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
    expect(shown.flatMap(({ number, last }) => missingTests(last).map((missing) => `${number}: ${missing}`))).toEqual(
      [],
    )
  })

  it('says of each statement how it is shown, or that it is not', () => {
    const silent = shown.filter(({ last }) => !/`test\/|^–$|needs several brokers/.test(last))
    expect(silent).toEqual([])
  })
})

describe('docs/coming-from-mirrormaker.md', () => {
  const rows = [...page('coming-from-mirrormaker.md').matchAll(/^\| (?!what |---)(.+) \| .+ \| .+ \| (.+) \|$/gm)]

  it('has a test for each row, and names only tests that exist', () => {
    expect(rows.length).toBeGreaterThan(100)
    const silent = rows.filter(([, , last]) => !last!.includes('`test/')).map(([, what]) => what)
    const missing = rows.flatMap(([, what, last]) => missingTests(last!).map((test) => `${what}: ${test}`))
    expect([...silent, ...missing]).toEqual([])
  })
})

/** Of the tests that a cell names, as `test/FILE › TITLE`, those that are not there. */
function missingTests(cell: string): string[] {
  return [...cell.matchAll(/`(test\/[^` ]+)(?: › ([^`]+))?`/g)].flatMap(([, path, title]) => {
    const file = join(root, path!)
    if (!existsSync(file)) return [path!]
    if (title !== undefined && !hasTest(readFileSync(file, 'utf8'), title)) return [`${path} › ${title}`]
    return title === undefined && !path!.includes('/transcripts/') ? [`${path} without a title`] : []
  })
}

/** Whether a test is called that: as the first argument of a call, in whatever quotes. */
function hasTest(source: string, title: string): boolean {
  return ["'", '"', '`'].some(
    (quote) => source.includes(`(${quote}${title}${quote}`) || source.includes(`${quote}${title}${quote},`),
  )
}
