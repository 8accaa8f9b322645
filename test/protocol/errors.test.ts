import { describe, expect, test } from 'vitest'
import { ErrorCode, errorOf } from '../../src/protocol/errors.ts'

describe('the table of protocol errors', () => {
  const codes = Object.values(ErrorCode)

  test('has every code of Kafka 4.4 once, without a hole', () => {
    expect([...codes].sort((a, b) => a - b)).toEqual(Array.from({ length: 138 }, (_, index) => index - 1))
  })

  test('finds each code with its name and a sentence', () => {
    for (const [name, code] of Object.entries(ErrorCode)) {
      expect(errorOf(code)).toMatchObject({ code, name })
      expect(errorOf(code).message).toMatch(/^\S.{5,}[^.]$/)
    }
  })

  // Kafka's own judgement: subclasses of its RetriableException.
  test('calls retriable what Kafka does', () => {
    const retriable = [
      2, 3, 5, 6, 7, 9, 13, 14, 15, 16, 19, 20, 41, 51, 56, 70, 71, 72, 74, 75, 78, 80, 83, 84, 88, 89, 100, 103, 106,
      122, 123, 133,
    ]
    expect(codes.filter((code) => errorOf(code).retriable)).toEqual(retriable)
  })

  test('keeps the number of a code that a newer Kafka sends', () => {
    expect(errorOf(9000)).toEqual({
      code: 9000,
      name: 'UNKNOWN_ERROR_9000',
      retriable: false,
      message: 'an error unknown here: 9000',
    })
  })

  test('has codes as literal types', () => {
    const code: 6 = ErrorCode.NOT_LEADER_OR_FOLLOWER
    expect(code).toBe(6)
  })
})
