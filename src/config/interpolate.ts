// `${VAR}`, `${VAR:-default}`, `${VAR:?message}` and `$$`, in scalars that YAML has already parsed: a value can therefore
// never change the structure of the file. Values are never repeated in a message, for most of them are secrets.

export interface Interpolated {
  readonly text: string
  readonly problems: readonly string[]
}

export function interpolate(text: string, env: Readonly<Record<string, string | undefined>>): Interpolated {
  if (!text.includes('$')) return { text, problems: [] }
  const problems: string[] = []
  const expanded = text.replace(
    /\$\$|\$\{([A-Za-z_][A-Za-z0-9_]*)(?::([-?])([^}]*))?\}|\$\{[^}]*\}?/g,
    (whole, name: string | undefined, operator: string | undefined, word: string | undefined) => {
      if (whole === '$$') return '$'
      if (name === undefined) {
        problems.push('write ${NAME}, ${NAME:-default} or ${NAME:?message}; a plain $ is written $$')
        return ''
      }
      const value = env[name]
      if (value !== undefined && value !== '') {
        if (!/[\r\n]/.test(value)) return value
        problems.push(`the value of the environment variable ${name} holds a line break`)
        return ''
      }
      if (operator === '-') return word ?? ''
      if (operator === '?') problems.push(`the environment variable ${name} is not set: ${word || 'it is required'}`)
      else if (value === undefined)
        problems.push(`the environment variable ${name} is not set; \${${name}:-default} gives a default`)
      return ''
    },
  )
  return { text: expanded, problems }
}
