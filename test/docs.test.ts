import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { metrics } from '../src/server/metrics.ts'

const operating = readFileSync(join(import.meta.dirname, '..', 'docs', 'operating.md'), 'utf8')

it('docs/operating.md has a row for every metric, with its type and sentence', () => {
  for (const { name, type, help } of metrics) expect(operating).toContain(`| \`${name}\` | ${type} | ${help} |`)
})
