import type { Clock, Timer } from './platform.ts'

// Node fires a longer timeout at once; longer delays are waited for in steps.
const LONGEST_TIMEOUT_MS = 2 ** 31 - 1

/** The clock of this machine. Its timers do not keep the process alive: sockets and listeners do. */
export function nodeClock(): Clock {
  return {
    now: () => Date.now(),
    monotonic: () => performance.now(),
    setTimer,
    defer: (callback) => void setImmediate(callback),
  }
}

function setTimer(delayMs: number, callback: () => void): Timer {
  if (delayMs > LONGEST_TIMEOUT_MS) return setLongTimer(delayMs, callback)
  // A negative or absent delay would print a warning; the caller only means "now".
  const timeout = setTimeout(callback, delayMs > 0 ? delayMs : 0).unref()
  return { cancel: () => clearTimeout(timeout) }
}

function setLongTimer(delayMs: number, callback: () => void): Timer {
  let step = setTimer(LONGEST_TIMEOUT_MS, () => {
    step = setTimer(delayMs - LONGEST_TIMEOUT_MS, callback)
  })
  return { cancel: () => step.cancel() }
}
