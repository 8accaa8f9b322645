// Whether one log is the copy of another: every record once, in order, unchanged; and every offset has its place.
import type { SeenRecord } from './seen-record.ts'
import { Findings, type Violation } from './violation.ts'

/** Offsets from ≤ offset < to. */
export interface OffsetRange {
  readonly from: number
  readonly to: number
}

export interface Copy {
  /** The copy's name. */
  readonly where: string
  /** What a reader of committed data sees at the source, or saw while it was there. */
  readonly original: readonly SeenRecord[]
  readonly copy: readonly SeenRecord[]
  /** Source offsets that were said to be missing. */
  readonly gaps?: readonly OffsetRange[]
  /** Where the source begins now: what lies below cannot be had there any more. */
  readonly sourceStart?: number
  /** Source offsets from and up to which everything is owed; absent: all. */
  readonly owedFrom?: number
  readonly owedTo?: number
  /** Whether the copy had the time it asked for; if not, what is missing may just be late. */
  readonly isDrained?: boolean
  /** Repetitions that are allowed, where delivery is at least once. */
  readonly duplicatesMax?: number
}

export function checkCopy(checked: Copy): Violation[] {
  const { where, original, copy, gaps = [], sourceStart = 0, isDrained = true, duplicatesMax = 0 } = checked
  const findings = new Findings(where)
  const isThere = matched(original, copy, findings, duplicatesMax)
  const { owedFrom = 0, owedTo = Number.POSITIVE_INFINITY } = checked
  for (const [place, { id, offset }] of original.entries()) {
    const isReported = gaps.some(({ from, to }) => from <= offset && offset < to)
    const what = `${id.slice(0, 60)} of source offset ${offset}`
    if (isThere[place]) {
      if (isReported) findings.add('gap-overreported', `${what} is there`)
    } else if (!isReported && owedFrom <= offset && offset < owedTo) {
      findings.add(offset < sourceStart ? 'gap-unreported' : isDrained ? 'lost' : 'unseen', what)
    }
  }
  const end = (original.at(-1)?.offset ?? -1) + 1
  for (const { from, to } of gaps)
    if (to > Math.max(end, sourceStart))
      findings.add('gap-overreported', `${from} to ${to - 1}, and the source ends at ${end}`)
  return findings.violations()
}

/** Which originals have their copy. Those with the same id are told apart by their order alone. */
function matched(
  original: readonly SeenRecord[],
  copy: readonly SeenRecord[],
  findings: Findings,
  duplicatesMax: number,
): boolean[] {
  const places = new Map<string, number[]>()
  for (const [place, { id }] of original.entries()) {
    const known = places.get(id)
    if (known) known.push(place)
    else places.set(id, [place])
  }
  const taken = new Map<string, number>()
  const isThere: boolean[] = []
  let furthest = -1
  let duplicates = 0
  for (const { id, offset, content } of copy) {
    const what = `${id.slice(0, 60)} at offset ${offset}`
    const known = places.get(id)
    const place = known?.[taken.get(id) ?? 0]
    taken.set(id, (taken.get(id) ?? 0) + 1)
    if (!known) findings.add('phantom', what)
    else if (place === undefined) {
      if (++duplicates > duplicatesMax) findings.add('duplicate', what)
    } else {
      isThere[place] = true
      if (original[place]!.content !== content) findings.add('mutated', what)
      if (place < furthest) findings.add('reordered', `${what}, behind ${original[furthest]!.id.slice(0, 60)}`)
      furthest = Math.max(furthest, place)
    }
  }
  return isThere
}

interface Pair {
  readonly upstream: number
  readonly downstream: number
}

/** Where each record of an exact copy comes from. */
function pairsOf(original: readonly SeenRecord[], copy: readonly SeenRecord[]): Pair[] {
  const pairs: Pair[] = []
  let place = 0
  for (const { id, offset } of copy) {
    while (place < original.length && original[place]!.id !== id) place++
    if (place < original.length) pairs.push({ upstream: original[place++]!.offset, downstream: offset })
  }
  return pairs
}

export interface Translation {
  readonly where: string
  readonly original: readonly SeenRecord[]
  /** Exact, or what is found here is worth nothing. */
  readonly copy: readonly SeenRecord[]
  readonly translate: (upstream: number) => number | undefined
  readonly reverse?: (downstream: number) => number | undefined
  /** Source offset from which on translation must answer; absent: from the first copied record on. */
  readonly from?: number
  /** Between the records of the copy, up to here, are markers and what was aborted: readers pass over them. Absent: there are none. */
  readonly holesTo?: number
}

/** A reader at any source offset goes on, at the target, with the first record that it had not seen. */
export function checkTranslation(translation: Translation): Violation[] {
  const { where, original, copy, translate, reverse, from } = translation
  const findings = new Findings(where)
  const pairs = pairsOf(original, copy)
  const places = new Places(copy, translation.holesTo)
  const last = (pairs.at(-1)?.upstream ?? -1) + 1
  let next = 0
  for (let offset = from ?? pairs[0]?.upstream ?? 0; offset <= last; offset++) {
    while (next < pairs.length && pairs[next]!.upstream < offset) next++
    places.judge(findings, offset, translate(offset), pairs[next]?.downstream)
  }
  if (!reverse) return findings.violations()
  for (const { upstream, downstream } of pairs) {
    const back = reverse(downstream)
    if (back !== upstream) findings.add('untranslated', `${downstream} is said to come from ${back}, not ${upstream}`)
  }
  return findings.violations()
}

/** Answers given while it went on, perhaps long ago: what an offset was said to be never changes. */
export function checkAnswers(
  where: string,
  { original, copy, holesTo }: Pick<Translation, 'original' | 'copy' | 'holesTo'>,
  answers: readonly Pair[],
): Violation[] {
  const findings = new Findings(where)
  const pairs = pairsOf(original, copy)
  const places = new Places(copy, holesTo)
  let next = 0
  for (const { upstream, downstream } of answers.toSorted((one, other) => one.upstream - other.upstream)) {
    while (next < pairs.length && pairs[next]!.upstream < upstream) next++
    places.judge(findings, upstream, downstream, pairs[next]?.downstream)
  }
  return findings.violations()
}

/** The records of a copy by their places. */
class Places {
  readonly #offsets: readonly number[]
  readonly #holesTo: number | undefined

  constructor(copy: readonly SeenRecord[], holesTo: number | undefined) {
    this.#offsets = copy.map(({ offset }) => offset)
    this.#holesTo = holesTo
  }

  /** `truth`: where the record is that comes next; undefined: there is none. */
  judge(findings: Findings, upstream: number, said: number | undefined, truth = this.#end): void {
    if (said === truth) return
    const what = `${upstream} is translated to ${said}, and it is ${truth}`
    if (said === undefined) findings.add('untranslated', what)
    else if (said > truth) {
      if (!this.#areHoles(truth, said)) findings.add('skipped', what)
    } else if (!this.#areHoles(said, truth)) findings.add('redelivered', what)
  }

  get #end(): number {
    return (this.#offsets.at(-1) ?? -1) + 1
  }

  #areHoles(from: number, to: number): boolean {
    if (this.#holesTo === undefined || to > this.#holesTo) return false
    return (this.#offsets[firstFrom(this.#offsets, from)] ?? Number.POSITIVE_INFINITY) >= to
  }
}

/** The place of the first that is not below. */
function firstFrom(offsets: readonly number[], least: number): number {
  let [low, high] = [0, offsets.length]
  while (low < high) {
    const middle = (low + high) >> 1
    if (offsets[middle]! < least) low = middle + 1
    else high = middle
  }
  return low
}
