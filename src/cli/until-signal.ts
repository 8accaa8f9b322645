/**
 * Resolves at the first SIGTERM or SIGINT. The second one ends the process at once, with the code that shells give to a
 * process killed by that signal.
 */
export function untilSignal(): Promise<NodeJS.Signals> {
  return new Promise((resolve) => {
    let first = true
    for (const signal of ['SIGTERM', 'SIGINT'] as const) {
      process.on(signal, () => {
        if (!first) process.exit(signal === 'SIGINT' ? 130 : 143)
        first = false
        resolve(signal)
      })
    }
  })
}
