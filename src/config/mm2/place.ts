// Places of a YAML or JSON file: each knows its value, how people write the way to it, and its line, so that whatever stands there can be
// answered by name.
import { type Document, isAlias, isMap, isScalar, isSeq, LineCounter, type Node, parseAllDocuments } from 'yaml'
import { maxAliasCount, refusedText, slipsOf } from '../document.ts'
import type { Problem } from '../problem.ts'

type Path = readonly (string | number)[]

export class Place {
  /** `spec.mirrors[0].topicsPattern` */
  readonly key: string
  readonly value: unknown
  readonly #path: Path
  readonly #lineOf: (path: Path) => number

  constructor(value: unknown, lineOf: (path: Path) => number, path: Path = [], key = '') {
    this.value = value
    this.key = key
    this.#path = path
    this.#lineOf = lineOf
  }

  get line(): number {
    return this.#lineOf(this.#path)
  }

  get text(): string {
    return String(this.value)
  }

  /** What stands under a name, if anything does. */
  under(name: string): Place | undefined {
    const { value } = this
    return isMapping(value) && Object.hasOwn(value, name) && value[name] !== null && value[name] !== undefined
      ? new Place(value[name], this.#lineOf, [...this.#path, name], this.key === '' ? name : `${this.key}.${name}`)
      : undefined
  }

  /** Of a mapping, by name; what is null is not there. */
  entries(): [string, Place][] {
    if (!isMapping(this.value)) return []
    return Object.keys(this.value).flatMap((name) => {
      const place = this.under(name)
      return place ? [[name, place]] : []
    })
  }

  /** Of a list. */
  items(): Place[] {
    if (!Array.isArray(this.value)) return []
    return this.value.map((value, at) => new Place(value, this.#lineOf, [...this.#path, at], `${this.key}[${at}]`))
  }

  get isPlain(): boolean {
    return typeof this.value !== 'object' || this.value === null
  }
}

/** The roots of a file's documents, or why there are none. */
export function placesOf(text: string): { readonly places: readonly Place[]; readonly problems: readonly Problem[] } {
  const refused = refusedText(text)
  if (refused) return { places: [], problems: [{ severity: 'error', ...refused, line: 1, column: 1 }] }
  const counter = new LineCounter()
  const parsed = parseAllDocuments(text, { lineCounter: counter, uniqueKeys: true, version: '1.2', logLevel: 'error' })
  const documents: Document[] = Array.isArray(parsed) ? parsed : []
  const problems = documents.flatMap((document) =>
    slipsOf(document).map(({ offset, rule, message }): Problem => {
      const { line, col } = counter.linePos(Math.max(0, offset))
      return { severity: 'error', rule, message, line: Math.max(1, line), column: Math.max(1, col) }
    }),
  )
  if (problems.length > 0) return { places: [], problems }
  try {
    const places = documents.map(
      (document) =>
        new Place(document.toJS({ maxAliasCount }), (path) => counter.linePos(offsetAt(document, path)).line),
    )
    return { places, problems }
  } catch {
    const message = `an alias (*name) has no anchor (&name), or more than ${maxAliasCount} unfold in this file`
    return { places: [], problems: [{ severity: 'error', rule: 'alias', message, line: 1, column: 1 }] }
  }
}

/** Where its key stands, of what is in a mapping. */
function offsetAt(document: Document, path: Path): number {
  let node: unknown = document.contents
  let offset = offsetOf(node)
  for (const step of path) {
    const holder = isAlias(node) ? node.resolve(document) : node
    if (isMap(holder)) {
      const pair = holder.items.find(({ key }) => isScalar(key) && String(key.value) === step)
      offset = offsetOf(pair?.key)
      node = pair?.value
    } else {
      node = isSeq(holder) ? holder.get(step, true) : undefined
      offset = offsetOf(node)
    }
  }
  return offset
}

const offsetOf = (node: unknown) => (node as Node | undefined | null)?.range?.[0] ?? 0

function isMapping(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
