import { ErrorCode } from '../../../../protocol/errors.ts'
import { Outcome } from '../../state-machine.ts'
import type { Call } from '../call.ts'

/** A request that is not served, and why. Thrown within one decision only, which then leaves no trace (`attempt`). */
export class Refused extends Error {
  readonly errorCode: number

  constructor(code: keyof typeof ErrorCode, message: string) {
    super(message)
    this.errorCode = ErrorCode[code]
  }
}

/** Decides with effects of its own, which count only when nothing was refused; else gives what refused it. */
export function attempt(call: Call, decide: (inner: Call) => void): Refused | undefined {
  const inner: Call = { ...call, outcome: new Outcome() }
  try {
    decide(inner)
  } catch (error) {
    if (error instanceof Refused) return error
    throw error
  }
  call.outcome.records.push(...inner.outcome.records)
  call.outcome.replies.push(...inner.outcome.replies)
  call.outcome.timers.push(...inner.outcome.timers)
  call.outcome.follows.push(...inner.outcome.follows)
  return undefined
}
