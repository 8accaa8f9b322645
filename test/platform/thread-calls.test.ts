import { expect, test } from 'vitest'
import { HeliostatError } from '../../src/platform/errors.ts'
import { ThreadCalls } from '../../src/platform/thread-calls.ts'

type Answers = {
  double(number: number): Promise<number>
  note(word: string): void
  refuse(): Promise<void>
}

/** Two ends on one thread: what is posted is cloned, as between two. */
function pair() {
  const notes: string[] = []
  const here = new ThreadCalls<Answers>({}, (message) => there.received(structuredClone(message)))
  const there = new ThreadCalls<Record<string, never>>(
    {
      double: async (number: number) => number * 2,
      note: (word: string) => void notes.push(word),
      refuse: async () => {
        const where = { partition: 3 }
        throw new HeliostatError('HEL_NO_LEADER', 'orders-3 has no leader', { retriable: true, where })
      },
    },
    (message) => here.received(structuredClone(message)),
  )
  return { here, notes }
}

test('a call is carried out where its function is, and answered', async () => {
  const { here, notes } = pair()
  here.tell('note', 'a')
  expect(await Promise.all([here.ask('double', 4), here.ask('double', 5)])).toEqual([8, 10])
  expect(notes).toEqual(['a'])
})

test('an error comes back with its code, its place, and whether to try again', async () => {
  const refused = await pair()
    .here.ask('refuse')
    .catch((error: unknown) => error)
  expect(refused).toBeInstanceOf(HeliostatError)
  expect(refused).toMatchObject({ code: 'HEL_NO_LEADER', retriable: true, where: { partition: 3 } })
})

test('a thread that has ended answers nothing: whoever waits is told, and so is whoever asks later', async () => {
  const silent = new ThreadCalls<Answers>({}, () => {})
  const asked = silent.ask('double', 1)
  silent.close(new HeliostatError('HEL_WORKER_ENDED', 'worker thread 1 has ended', { retriable: true }))
  await expect(asked).rejects.toThrow('worker thread 1 has ended')
  await expect(silent.ask('double', 2)).rejects.toThrow('worker thread 1 has ended')
})
