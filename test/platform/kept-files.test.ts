import { expect, test } from 'vitest'
import { KeptFiles } from '../../src/platform/kept-files.ts'
import { nodeLog } from '../../src/platform/node-log.ts'

test('what is made of files follows them, keeps what was fit for use, and tells each trouble once', () => {
  const lines: string[] = []
  const log = nodeLog({
    level: 'info',
    pretty: false,
    write: (line) => lines.push((JSON.parse(line) as { msg: string }).msg),
  })
  let file: string | undefined = 'one'
  const read = () => {
    if (file === undefined) throw new Error('/run/pw cannot be read (ENOENT)')
    return [file]
  }
  let made = 0
  const make = ([text]: readonly string[]) => {
    made += 1
    if (text === '') throw new Error(' (/run/pw) is empty')
    return text
  }
  const kept = new KeptFiles(log, { place: 'clusters.west.sasl.password', read, make })
  expect([kept.current(), kept.current(), made]).toEqual(['one', 'one', 1])
  file = ''
  expect([kept.current(), kept.current()]).toEqual(['one', 'one'])
  file = undefined
  expect(kept.current()).toBe('one')
  file = 'two'
  expect(kept.current()).toBe('two')
  file = ''
  expect(kept.current()).toBe('two')
  const empty =
    'clusters.west.sasl.password (/run/pw) is empty; what clusters.west.sasl.password was before stays in use'
  expect(lines).toEqual([
    empty,
    '/run/pw cannot be read (ENOENT); what clusters.west.sasl.password was before stays in use',
    'clusters.west.sasl.password was read anew',
    empty,
  ])
  expect(() => new KeptFiles(log, { place: 'p', read, make })).toThrow('p (/run/pw) is empty')
})
