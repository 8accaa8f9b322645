// Each thing that can be wrong is planted, and found under its name; what is right is left alone.
import { describe, expect, test } from 'vitest'
import { type Copy, checkAnswers, checkCopy, checkTranslation } from './copies.ts'
import { checkGroup, checkPositions } from './groups.ts'
import { checkAgreement, checkGrowingAnswers, checkToldEnds } from './growth.ts'
import { History, type Transaction } from './history.ts'
import { type SeenRecord, seenOf } from './seen-record.ts'
import { textOf, type Violation } from './violation.ts'
import { checkWrites } from './writes.ts'

const LOG = 'east/orders-0'

/** `a b c` at offsets 0, 1, 2; `b@7` is b at 7, `b=x` has the content x under the id b. */
function log(text: string): SeenRecord[] {
  let offset = 0
  return text
    .split(' ')
    .filter((word) => word !== '')
    .map((word) => {
      const [, id, at, content] = /^(\w+)(?:@(\d+))?(?:=(\w+))?$/.exec(word)!
      offset = at === undefined ? offset : Number(at)
      return { offset: offset++, id: id!, content: content ?? id! }
    })
}

const names = (violations: readonly Violation[]) => violations.map(({ name, count }) => `${name} ${count}`)

describe('a copy', () => {
  const found = (original: string, copy: string, options: Partial<Copy> = {}) =>
    names(checkCopy({ where: 'copy', original: log(original), copy: log(copy), ...options }))

  test('that is exact has nothing wrong, wherever its offsets are', () => {
    expect(found('a b c', 'a b c')).toEqual([])
    expect(found('a@3 b@9 c@11', 'a@2 b c')).toEqual([])
    expect(found('', '')).toEqual([])
  })

  test('lacks records at any place', () => {
    expect(found('a b c d', 'b d')).toEqual(['lost 2'])
    expect(found('a b c', 'a b', { isDrained: false })).toEqual(['unseen 1'])
    expect(found('a b c', 'a b', { owedTo: 2 })).toEqual([])
    expect(found('a b c', 'b c', { owedFrom: 1 })).toEqual([])
  })

  test('has records twice, unless it may', () => {
    expect(found('a b c', 'a b b c a')).toEqual(['duplicate 2'])
    expect(found('a b c', 'a b b c', { duplicatesMax: 1 })).toEqual([])
  })

  test('has them in another order', () => {
    expect(found('a b c d', 'a c b d')).toEqual(['reordered 1'])
    expect(found('a b c d', 'd a b c')).toEqual(['reordered 3'])
  })

  test('has them changed, or of others', () => {
    expect(found('a b c', 'a b=x c')).toEqual(['mutated 1'])
    expect(found('a b', 'a z b')).toEqual(['phantom 1'])
  })

  test('of records that are alike is compared by their number and order', () => {
    expect(found('a b a b', 'a b a b')).toEqual([])
    expect(found('a b a b', 'a b b')).toEqual(['lost 1'])
    expect(found('a a', 'a a a')).toEqual(['duplicate 1'])
  })

  test('with a gap says which, and no more than that', () => {
    const gap = { from: 1, to: 3 }
    expect(found('a b c d', 'a d', { gaps: [gap], sourceStart: 3 })).toEqual([])
    expect(found('a b c d', 'a d', { sourceStart: 3 })).toEqual(['gap-unreported 2'])
    expect(found('a b c d', 'a d', { gaps: [{ from: 1, to: 2 }], sourceStart: 3 })).toEqual(['gap-unreported 1'])
    expect(found('a b c d', 'a b d', { gaps: [gap], sourceStart: 3 })).toEqual(['gap-overreported 1'])
    expect(found('a b c d', 'a', { gaps: [{ from: 1, to: 9 }], sourceStart: 3 })).toEqual(['gap-overreported 1'])
    // What can still be read at the source is lost, not a gap.
    expect(found('a b c d', 'a d', { sourceStart: 2 })).toEqual(['gap-unreported 1', 'lost 1'])
  })
})

describe('a translation', () => {
  // A marker at 2, a hole at 4 and 5: c is at 3, d at 6.
  const original = log('a b c@3 d@6 e')
  const copy = log('a b c d e')
  const truth = new Map([0, 1, 2, 2, 3, 3, 3, 4, 5].map((downstream, upstream) => [upstream, downstream]))
  const found = (change: Readonly<Record<number, number | undefined>>) =>
    names(
      checkTranslation({
        where: 'copy',
        original,
        copy,
        translate: (upstream) => (upstream in change ? change[upstream] : truth.get(upstream)),
      }),
    )

  test('is exact at every offset, between records too', () => {
    expect(found({})).toEqual([])
  })

  test('skips, repeats or knows nothing', () => {
    expect(found({ 3: 3 })).toEqual(['skipped 1'])
    expect(found({ 3: 1, 5: 2 })).toEqual(['redelivered 2'])
    expect(found({ 6: undefined })).toEqual(['untranslated 1'])
  })

  test('is checked on its way back', () => {
    const back = [0, 1, 3, 6, 8]
    const translate = (upstream: number) => truth.get(upstream)
    const violations = checkTranslation({ where: 'c', original, copy, translate, reverse: (at) => back[at] })
    expect(names(violations)).toEqual(['untranslated 1'])
  })

  test('holds for ever', () => {
    const answers = [
      { upstream: 6, downstream: 3 },
      { upstream: 2, downstream: 2 },
    ]
    expect(checkAnswers('c', { original, copy }, answers)).toEqual([])
    expect(names(checkAnswers('c', { original, copy }, [{ upstream: 6, downstream: 4 }]))).toEqual(['skipped 1'])
  })
})

describe('a log and what was said about it', () => {
  let history = new History()
  const sent = (ids: string, transaction?: Transaction, to = LOG) => {
    const attempt = history.invoke('w', to, log(ids), transaction)
    return attempt
  }
  const found = (read: string) => names(checkWrites(history, [{ log: LOG, read: log(read) }]))
  const begin = (prepare: () => void) => {
    history = new History()
    prepare()
  }

  test('that keeps its word has nothing wrong, with or without what nobody knows of', () => {
    begin(() => {
      sent('a b').ok(0)
      sent('c')
      sent('d').fail()
      sent('e').ok(3)
    })
    expect(found('a b c e')).toEqual([])
    begin(() => {
      sent('a').ok(0)
      sent('b')
    })
    expect(found('a')).toEqual([])
  })

  test('was told of one thing when another was', () => {
    begin(() => {
      const first = sent('a')
      sent('b').ok(1)
      first.ok(0)
    })
    expect(found('a b')).toEqual([])
  })

  test('lost what it acknowledged', () => {
    begin(() => sent('a b').ok(0))
    expect(found('a')).toEqual(['lost 1'])
    expect(names(checkWrites(history, [{ log: LOG, read: log('b@1'), startOffset: 1 }]))).toEqual([])
  })

  test('has it twice, changed, or what nobody sent', () => {
    begin(() => sent('a b').ok(0))
    expect(found('a b a')).toEqual(['duplicate 1'])
    expect(found('a b=x')).toEqual(['mutated 1'])
    expect(found('a b z')).toEqual(['phantom 1'])
    begin(() => sent('a').fail())
    expect(found('a')).toEqual(['phantom 1'])
  })

  test('has it in another place than it said', () => {
    begin(() => {
      sent('a').ok(0)
      sent('b').ok(0)
    })
    expect(found('a b')).toEqual(['offset-conflict 2'])
    begin(() => {
      sent('a').ok(1)
      sent('b').ok(0)
    })
    expect(found('b a')).toEqual(['reordered 1'])
  })

  test('shows what was aborted, or nobody asked to commit', () => {
    begin(() => {
      const transaction = history.begin('t')
      sent('a', transaction).ok(0)
      transaction.fate = 'aborted'
    })
    expect(found('')).toEqual([])
    expect(found('a')).toEqual(['aborted 1'])
    begin(() => sent('a', history.begin('t')).ok(0))
    expect(found('a')).toEqual(['precommitted 1'])
  })

  test('shows a part of a transaction, in one log or over several', () => {
    const other = 'east/orders-1'
    const begun = (fate: Transaction['fate']) =>
      begin(() => {
        const transaction = history.begin('t')
        sent('a', transaction).ok(0)
        sent('b', transaction, other).ok(0)
        transaction.fate = fate
      })
    const over = (first: string, second: string) =>
      names(
        checkWrites(history, [
          { log: LOG, read: log(first) },
          { log: other, read: log(second) },
        ]),
      )
    begun('committing')
    expect(over('a', 'b')).toEqual([])
    expect(over('', '')).toEqual([])
    expect(over('a', '')).toEqual(['torn 1'])
    begun('committed')
    expect(over('a', '')).toEqual(['lost 1', 'torn 1'])
    expect(over('', '')).toEqual(['lost 1', 'lost 1'])
  })

  test('is known also where it was deleted since', () => {
    begin(() => {
      sent('a b').ok(0)
      const transaction = history.begin('t')
      sent('x', transaction).ok(2)
      transaction.fate = 'aborted'
    })
    expect(history.truthOf(LOG, log('c@4')).map(({ id, offset }) => `${id}${offset}`)).toEqual(['a0', 'b1', 'c4'])
  })
})

describe('a group', () => {
  const found = (handed: string, owed: string, redeliveredMax = 0) =>
    names(checkGroup({ group: 'g', handed: log(handed), owed: log(owed), redeliveredMax }))

  test('that goes on where it was got everything once', () => {
    expect(found('a b c', 'a b c')).toEqual([])
  })

  test('skips, or reads again', () => {
    expect(found('a c', 'a b c')).toEqual(['skipped 1'])
    expect(found('a b b c', 'a b c')).toEqual(['redelivered 1'])
    expect(found('a b b c', 'a b c', 1)).toEqual([])
    expect(found('a z', 'a')).toEqual(['phantom 1'])
  })

  test('stands where it may', () => {
    const stands = (...offsets: number[]) => {
      const looks = offsets.map((offset) => ({ offset, endOffset: 10 }))
      return names(checkPositions({ group: 'g', log: LOG, looks, truth: 8, behindMax: 2 }))
    }
    expect(stands(1, 5, 8)).toEqual([])
    expect(stands(6)).toEqual([])
    expect(stands(11)).toEqual(['overcommit 1', 'skipped 1'])
    expect(stands(9)).toEqual(['skipped 1'])
    expect(stands(8, 7)).toEqual(['rewound 1'])
    expect(stands(5)).toEqual(['redelivered 1'])
    expect(stands()).toEqual(['redelivered 1'])
  })
})

test('what never goes back is seen to, who asks at once may hear either, and what was told can be read', () => {
  const told = (...answers: (readonly [value: number, asked: number, answered: number])[]) =>
    names(
      checkGrowingAnswers(
        'the end',
        answers.map(([value, asked, answered]) => ({ value, asked, answered })),
      ),
    )
  expect(told([0, 0, 1], [3, 2, 3], [3, 4, 5], [9, 6, 7])).toEqual([])
  expect(told([0, 0, 1], [3, 2, 3], [2, 4, 5], [9, 6, 7], [1, 8, 9])).toEqual(['went-back 2'])
  expect(told([5, 0, 9], [3, 1, 10], [4, 2, 11])).toEqual([])
  expect(told([5, 0, 9], [3, 10, 11])).toEqual(['went-back 1'])
  expect(names(checkToldEnds([{ log: LOG, told: 4, readable: 4 }]))).toEqual([])
  expect(names(checkToldEnds([{ log: LOG, told: 4, readable: 3 }]))).toEqual(['unreadable 1'])
})

test('of a compacted log the last of each key is owed', () => {
  const history = new History()
  const records = ['a', 'b', 'c'].map((id, at) => ({ id, content: `1 ${at === 1 ? 'other' : 'key'} ${id}` }))
  history.invoke('w', LOG, records).ok(0)
  const read = (...offsets: number[]) =>
    names(
      checkWrites(history, [
        { log: LOG, isCompacted: true, read: offsets.map((offset) => ({ offset, ...records[offset]! })) },
      ]),
    )
  expect(read(0, 1, 2)).toEqual([])
  expect(read(1, 2)).toEqual([])
  expect(read(2)).toEqual(['lost 1'])
  expect(read(0, 1)).toEqual(['lost 1'])
})

test('who keeps to his sequences is not refused', () => {
  const history = new History()
  history.refused(LOG, 'OUT_OF_ORDER_SEQUENCE_NUMBER')
  expect(names(checkWrites(history, [{ log: LOG, read: [] }]))).toEqual(['refused 1'])
})

test('replicas that differ are seen', () => {
  expect(checkAgreement('replicas', [log('a b c'), log('b@1 c')])).toEqual([])
  expect(names(checkAgreement('replicas', [log('a b c'), log('a x')]))).toEqual(['offset-conflict 1'])
})

test('a record is known by its id, or by its content', () => {
  const record = { offset: 4, timestamp: 9, key: null, value: Buffer.from('#w.7 filler'), headers: [] }
  const [one, other] = seenOf([record, { ...record, value: Buffer.from('plain') }])
  expect(one).toMatchObject({ offset: 4, id: '#w.7' })
  expect(other!.id).toBe(other!.content)
})

test('a violation says what is wrong where', () => {
  const [violation] = checkCopy({ where: 'west/east.orders-0', original: log('a b'), copy: log('a') })
  expect(textOf(violation!)).toBe('lost at west/east.orders-0: 1, first b of source offset 1')
})
