import { describe, expect, it } from 'vitest'
import { principalMapping } from '../../../src/broker/security/principal-mapping.ts'

const SUBJECT = 'CN=Kafka-1,OU=Billing,O=Example\\, Inc.,C=US'

// The answers were seen from Kafka's own SslPrincipalMapper.
const CASES: readonly [rules: string, user: string | undefined][] = [
  ['DEFAULT', SUBJECT],
  ['RULE:^CN=(.*?),OU=.*$/$1/', 'Kafka-1'],
  ['RULE:^CN=(.*?),OU=.*$/$1/L', 'kafka-1'],
  ['RULE:^CN=(.*?),OU=(.*?),.*$/$1@$2/U', 'KAFKA-1@BILLING'],
  ['RULE:^CN=nobody.*$/x/', undefined],
  ['RULE:^CN=nobody.*$/x/, DEFAULT', SUBJECT],
  ['RULE:^CN=nobody$/x/,RULE:^CN=(.*?),.*$/second $1/', 'second Kafka-1'],
  // A comma inside a pattern does not end the rule.
  ['RULE:^.*[Cc][Nn]=([a-zA-Z0-9.-]*),.{0,99}$/$1/L , DEFAULT', 'kafka-1'],
  // A group that is not there stands for itself, or gives up its last digits.
  ['RULE:^CN=(.*?),.*$/$1 $2 $12/', 'Kafka-1 $2 Kafka-12'],
  // Escapes: of the slash in a pattern, of the dollar in a replacement.
  ['RULE:^CN=(.*?)\\,.*$/\\$1/', '$1'],
  // What is found twice is replaced twice.
  ['RULE:.*/x/', 'xx'],
  // Part of the subject is not the subject.
  ['RULE:CN=(.*?),/$1/', undefined],
]

describe('ssl.principal.mapping.rules', () => {
  it.each(CASES)('%s', (rules, user) => {
    expect(principalMapping(rules)(SUBJECT)).toBe(user)
  })

  it.each([
    ['RULE:^CN=(.*$/x/', 'is no regular expression'],
    ['RULE:a/b', 'there is no rule at'],
    ['RULE:a/b/X', 'behind the rule'],
    ['DEFAULTS', 'behind the rule DEFAULT stands "S"'],
    ['nonsense', 'there is no rule at "nonsense"'],
  ])('refuses %s', (rules, message) => {
    expect(() => principalMapping(rules)).toThrow(message)
  })

  it('gives whatever subjects there are an answer: that of the first rule which takes the whole of it', () => {
    const random = generator(7)
    const letters = 'abcXYZ09.-_ =,+\\'
    for (let round = 0; round < 500; round++) {
      const name = Array.from({ length: 1 + (random() % 12) }, () => letters[random() % letters.length]).join('')
      const subject = `CN=${name},O=x`
      const lower = principalMapping('RULE:^CN=(.*),O=y$/wrong/,RULE:^CN=(.*),O=x$/$1/L,DEFAULT')(subject)
      expect(lower).toBe(name.toLowerCase())
      expect(principalMapping('DEFAULT,RULE:.*/never/')(subject)).toBe(subject)
      // Upper case of lower case is upper case: the letters are changed after the replacement.
      expect(principalMapping(`RULE:^CN=(.*),O=x$/u-$1/U`)(subject)).toBe(`u-${name}`.toUpperCase())
    }
  })
})

function generator(seed: number): () => number {
  let state = seed
  return () => {
    state = (state * 1_103_515_245 + 12_345) % 2 ** 31
    return Math.floor(state / 65_536)
  }
}
