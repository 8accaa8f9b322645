// `sasl.jaas.config` as Kafka takes it: one login module, its control flag, its options, a semicolon (java's LoginConfigFile format).

export interface JaasEntry {
  readonly loginModule: string
  readonly options: ReadonlyMap<string, string>
}

type Token = { readonly symbol: '=' | ';' } | { readonly word: string }

const FLAGS = ['REQUIRED', 'REQUISITE', 'SUFFICIENT', 'OPTIONAL']
// A comment, white space, a quoted word with escapes, a symbol, or a bare word.
const TOKEN =
  /\/\*[\s\S]*?\*\/|\/[^\n]*|\s+|"((?:\\[\s\S]|[^"\\\n])*)"|'((?:\\[\s\S]|[^'\\\n])*)'|([=;])|([^\s=;"'/]+)|([\s\S])/g
const ESCAPES: Readonly<Record<string, string>> = { n: '\n', r: '\r', t: '\t', b: '\b', f: '\f' }

/** Throws an Error that says what is wrong, without telling a secret: no value is ever in the message. */
export function parseJaas(text: string): JaasEntry {
  const tokens = tokensOf(text)
  if (tokens.length === 0) throw new Error('no login module is given')
  const loginModule = wordOf(tokens[0], 'it must begin with the class of a login module')
  const flag = wordOf(tokens[1], `behind ${loginModule} comes a control flag, such as "required"`)
  if (!FLAGS.includes(flag.toUpperCase())) {
    throw new Error(`${flag} is no control flag: ${FLAGS.join(', ').toLowerCase()}`)
  }
  const options = new Map<string, string>()
  let at = 2
  while (at < tokens.length && !isSymbol(tokens[at], ';')) {
    const name = wordOf(tokens[at], 'an option is name="value"')
    if (!isSymbol(tokens[at + 1], '=')) throw new Error(`the option ${name} has no value`)
    options.set(name, wordOf(tokens[at + 2], `the option ${name} has no value`))
    at += 3
  }
  if (at >= tokens.length) throw new Error('it must end with a semicolon')
  if (at + 1 < tokens.length) throw new Error('one login module is wanted, there are more')
  return { loginModule, options }
}

function tokensOf(text: string): Token[] {
  const tokens: Token[] = []
  for (const [, double, single, symbol, word, stray] of text.matchAll(TOKEN)) {
    const quoted = double ?? single
    if (quoted !== undefined) tokens.push({ word: unescaped(quoted) })
    else if (word !== undefined) tokens.push({ word })
    else if (symbol !== undefined) tokens.push({ symbol: symbol as '=' | ';' })
    else if (stray !== undefined) throw new Error('a quotation mark is not closed')
  }
  return tokens
}

function unescaped(text: string): string {
  return text.replaceAll(/\\([0-7]{1,3}|[\s\S])/g, (_, marked: string) =>
    /^[0-7]/.test(marked) ? String.fromCharCode(Number.parseInt(marked, 8)) : (ESCAPES[marked] ?? marked),
  )
}

function wordOf(token: Token | undefined, complaint: string): string {
  if (token === undefined || 'symbol' in token) throw new Error(complaint)
  return token.word
}

function isSymbol(token: Token | undefined, symbol: '=' | ';'): boolean {
  return token !== undefined && 'symbol' in token && token.symbol === symbol
}
