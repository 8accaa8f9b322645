import type { Scenario } from './scenario.ts'

/** A bug put in on purpose: a check that cannot fail shows nothing. */
export interface PlantedBug {
  /** What is wrong, as one would say it of real code. */
  readonly name: string
  /** Where it is looked for. */
  readonly scenario: Scenario
  /** What it is found by. */
  readonly finds: RegExp
  /** A seed that finds it, as the code is now. */
  readonly seed: number
  readonly seconds?: number
  /** Puts it in; what is returned takes it out again. */
  plant(): () => void
}

/** Replaces a method. Production code has no place for this and pays nothing for it. */
export function replaced<T extends object, K extends keyof T>(
  prototype: T,
  method: K,
  bug: (original: T[K]) => T[K],
): () => void {
  const original = prototype[method]
  prototype[method] = bug(original)
  return () => {
    prototype[method] = original
  }
}

/** The same for what looks like a field. */
export function replacedGetter<T extends object, K extends keyof T & string>(
  prototype: T,
  property: K,
  bug: (original: (this: T) => T[K]) => (this: T) => T[K],
): () => void {
  const original = Object.getOwnPropertyDescriptor(prototype, property)!
  Object.defineProperty(prototype, property, { ...original, get: bug(original.get as (this: T) => T[K]) })
  return () => void Object.defineProperty(prototype, property, original)
}

/** Both. */
export function together(...plants: readonly (() => () => void)[]): () => () => void {
  return () => {
    const undo = plants.map((plant) => plant())
    return () => {
      for (const one of undo.reverse()) one()
    }
  }
}
