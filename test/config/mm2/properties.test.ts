import { expect, test } from 'vitest'
import { parseProperties } from '../../../src/config/mm2/properties.ts'

const read = (text: string) =>
  Object.fromEntries(parseProperties(text).properties.map(({ key, value }) => [key, value]))

test('keys end at =, : or a blank, and values keep what is behind', () => {
  expect(read('a=1\nb:2\nc 3\nd = 4 \ne\t:\t5\nf==6\ng = :7\nh\n')).toEqual({
    a: '1',
    b: '2',
    c: '3',
    d: '4 ',
    e: '5',
    f: '=6',
    g: ':7',
    h: '',
  })
})

test('comments begin a line, and lines go on behind an odd number of backslashes', () => {
  expect(read('# a=1\n  ! b=2\n\n a = one, \\\n     two, \\\n  # three\nb = x\\\\\nc=3\r\nd=4\re=5')).toEqual({
    a: 'one, two, # three',
    b: 'x\\',
    c: '3',
    d: '4',
    e: '5',
  })
})

test('escapes stand for characters, also in keys', () => {
  expect(read('A\\->B.topics = a\\tb\\u00e9\\q\\=\nk\\ e\\:y = \\ v')).toEqual({
    'A->B.topics': 'a\tb\u00e9q=',
    'k e:y': ' v',
  })
})

test('the last of two keys counts and is told, as is a comment behind a value', () => {
  const { properties, problems } = parseProperties('a=1\ntopics = .*   # all\na=2')
  expect(properties.map(({ key, value, line }) => [key, value, line])).toEqual([
    ['topics', '.*   # all', 2],
    ['a', '2', 3],
  ])
  expect(problems.map(({ rule, line, severity }) => [rule, line, severity])).toEqual([
    ['trailing-comment', 2, 'warning'],
    ['duplicate-key', 3, 'warning'],
  ])
})

test('a malformed escape is an error with its line, as in Java', () => {
  expect(parseProperties('ok=1\nbad=\\u12g4').problems).toMatchObject([{ severity: 'error', line: 2 }])
})
