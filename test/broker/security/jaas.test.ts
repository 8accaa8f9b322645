import { expect, it } from 'vitest'
import { parseJaas } from '../../../src/broker/security/jaas.ts'

const PLAIN = 'org.apache.kafka.common.security.plain.PlainLoginModule'

it('reads module and options, whatever the spacing, quotes and comments', () => {
  const { loginModule, options } = parseJaas(`
    /* the broker's users */ ${PLAIN} Required
      username = "broker" // its own
      user_alice='se"cret;=' user_bob="a\\"b\\\\c\\tд"
      debug=true;`)
  expect(loginModule).toBe(PLAIN)
  expect(Object.fromEntries(options)).toEqual({
    username: 'broker',
    user_alice: 'se"cret;=',
    user_bob: 'a"b\\c\tд',
    debug: 'true',
  })
})

it.each([
  ['nothing', '  // only a comment', 'no login module'],
  ['no flag', `${PLAIN};`, 'comes a control flag'],
  ['a wrong flag', `${PLAIN} needed;`, 'needed is no control flag: required, '],
  ['no semicolon', `${PLAIN} required user_a="b"`, 'must end with a semicolon'],
  ['an option without a value', `${PLAIN} required user_a;`, 'the option user_a has no value'],
  ['a value without an option', `${PLAIN} required ="b";`, 'an option is name="value"'],
  ['an open quotation mark', `${PLAIN} required user_a="canary;`, 'quotation mark is not closed'],
  ['two modules', `${PLAIN} required; ${PLAIN} required;`, 'there are more'],
])('says what is wrong with %s, without telling a password', (_what, text, message) => {
  const error = thrownBy(() => parseJaas(text))
  expect(error).toContain(message)
  expect(error).not.toContain('canary')
})

function thrownBy(call: () => unknown): string {
  try {
    call()
  } catch (error) {
    return (error as Error).message
  }
  return 'nothing was thrown'
}
