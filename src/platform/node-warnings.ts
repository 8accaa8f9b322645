// Warnings of Node about code that is not ours and does no harm. They are dropped one by one, by name and origin: a process
// started with --no-warnings would hide the next real one too.

const harmless: readonly ((warning: Error) => boolean)[] = [
  // kafkajs schedules its request queue with a negative delay, which Node takes for 1 ms.
  (warning) => warning.name === 'TimeoutNegativeWarning' && (warning.stack ?? '').includes('kafkajs'),
  // The file lock stands on node:sqlite, whose interface older Node 24 calls experimental.
  (warning) => warning.name === 'ExperimentalWarning' && warning.message.includes('SQLite'),
]

let installed = false

/** Puts a filter before whatever prints warnings now (Node itself, or the application that uses us). Installed once. */
export function dropHarmlessWarnings(): void {
  if (installed) return
  installed = true
  const printers = process.listeners('warning')
  process.removeAllListeners('warning')
  process.on('warning', (warning) => {
    if (harmless.some((matches) => matches(warning))) return
    for (const print of printers) print.call(process, warning)
  })
}
