// `ssl.principal.mapping.rules` (KIP-371): which user a certificate stands for. Rules are tried in order; the first that matches the
// whole subject decides.
//
//   DEFAULT                              the subject as it is
//   RULE:pattern/replacement/[L|U]       a Java regular expression, `$1` for its groups, then lower or upper case
//
// Patterns are JavaScript's: what both languages share (nearly all that is ever written here) means the same.

interface Rule {
  /** Absent: DEFAULT. */
  readonly pattern?: { readonly whole: RegExp; readonly each: RegExp }
  readonly replacement: readonly (string | number)[]
  readonly letters: '' | 'L' | 'U'
}

export type PrincipalMapping = (subject: string) => string | undefined

const RULE = /^(?:(DEFAULT)|RULE:((?:\\.|[^\\/])*)\/((?:\\.|[^\\/])*)\/([LU]?))/

/** Throws an Error that says what is wrong. The mapping gives undefined for a subject that no rule takes. */
export function principalMapping(text: string): PrincipalMapping {
  const rules = parseRules(text)
  return (subject) => {
    for (const rule of rules) {
      const user = apply(rule, subject)
      if (user !== undefined) return user
    }
    return undefined
  }
}

/** Rules stand behind one another with commas between; a comma may also be in a pattern, so the text is not simply split. */
function parseRules(text: string): Rule[] {
  const rules: Rule[] = []
  let rest = text.trim()
  while (rest !== '') {
    const [whole, isDefault, pattern, replacement, letters] = RULE.exec(rest) ?? []
    if (whole === undefined) throw new Error(`there is no rule at "${rest}": DEFAULT, or RULE:pattern/replacement/[LU]`)
    const behind = /^\s*(?:,\s*|$)/.exec(rest.slice(whole.length))
    if (!behind) throw new Error(`behind the rule ${whole} stands "${rest.slice(whole.length)}"`)
    rules.push(
      isDefault ? { replacement: [], letters: '' } : ruleOf(pattern!, replacement!, letters as Rule['letters']),
    )
    rest = rest.slice(whole.length + behind[0].length)
  }
  return rules
}

function ruleOf(pattern: string, replacement: string, letters: Rule['letters']): Rule {
  try {
    const groups = new RegExp(`${pattern}|`).exec('')!.length - 1
    const compiled = { whole: new RegExp(`^(?:${pattern})$`), each: new RegExp(pattern, 'g') }
    return { pattern: compiled, replacement: partsOf(replacement, groups), letters }
  } catch (error) {
    throw new Error(`the pattern ${pattern} is no regular expression: ${(error as Error).message}`)
  }
}

function apply({ pattern, replacement, letters }: Rule, subject: string): string | undefined {
  if (!pattern) return subject
  if (!pattern.whole.test(subject)) return undefined
  // Kafka replaces what the pattern finds, though it asked for a match of the whole: `.*` is found twice, the second time empty.
  const user = subject.replace(pattern.each, (...match: string[]) =>
    replacement.map((part) => (typeof part === 'number' ? (match[part] ?? '') : part)).join(''),
  )
  if (letters === 'L') return user.toLowerCase()
  return letters === 'U' ? user.toUpperCase() : user
}

/** Texts and group numbers. A `$` in front of no group of the pattern stands for itself; a backslash takes the next character as it is. */
function partsOf(replacement: string, groups: number): (string | number)[] {
  const parts: (string | number)[] = []
  for (const [found, digits] of replacement.matchAll(/\\[\s\S]|\$(\d+)|[\s\S]/g)) {
    if (digits === undefined) {
      parts.push(found.length > 1 ? found.slice(1) : found)
      continue
    }
    const taken = groupDigits(digits, groups)
    if (taken === '') parts.push(found)
    else parts.push(Number(taken), digits.slice(taken.length))
  }
  return parts
}

/** As many leading digits as still name a group: `$12` of a pattern with one group is `$1` and a 2. */
function groupDigits(digits: string, groups: number): string {
  for (let length = digits.length; length > 0; length--) {
    if (Number(digits.slice(0, length)) <= groups) return digits.slice(0, length)
  }
  return ''
}
