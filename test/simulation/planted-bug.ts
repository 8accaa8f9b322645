import { onTestFinished } from 'vitest'

/** Replaces a method until the end of the test: a bug put in on purpose, as a check that cannot fail shows nothing. */
export function plant<T extends object, K extends keyof T>(
  prototype: T,
  method: K,
  bug: (original: T[K]) => T[K],
): void {
  const original = prototype[method]
  prototype[method] = bug(original)
  onTestFinished(() => {
    prototype[method] = original
  })
}

/** What the first of ten seeds ends with that ends with an error. */
export async function firstFailure(play: (seed: number) => Promise<unknown>): Promise<string> {
  for (let seed = 1; seed <= 10; seed++) {
    const failure = await play(seed).then(
      () => undefined,
      (error: Error) => error.message,
    )
    if (failure !== undefined) return failure
  }
  return 'nothing'
}
