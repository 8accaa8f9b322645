import type { Answer } from './history.ts'
import { Findings, type Violation } from './violation.ts'

/** What never goes back, as many are told it at once: whoever asks after somebody was answered is told no less. */
export function checkGrowingAnswers(where: string, answers: readonly Answer[]): Violation[] {
  const findings = new Findings(where)
  const byAnswer = answers.toSorted((one, other) => one.answered - other.answered)
  let next = 0
  let most = Number.NEGATIVE_INFINITY
  for (const { asked, value } of answers.toSorted((one, other) => one.asked - other.asked)) {
    for (; next < byAnswer.length && byAnswer[next]!.answered < asked; next++)
      most = Math.max(most, byAnswer[next]!.value)
    if (value < most) findings.add('went-back', `from ${most} to ${value}`)
  }
  return findings.violations()
}

/** Nobody is told of an end that the same leader does not let him read up to. */
export function checkToldEnds(
  ends: readonly { readonly log: string; readonly told: number; readonly readable: number }[],
): Violation[] {
  const findings = new Map<string, Findings>()
  for (const { log, told, readable } of ends) {
    if (readable >= told) continue
    const known = findings.get(log) ?? new Findings(log)
    findings.set(log, known)
    known.add('unreadable', `it is said to end at ${told}, and ends at ${readable} for its readers`)
  }
  return [...findings.values()].flatMap((one) => one.violations())
}

/** Whether several readings of one log, of several replicas or at several times, agree at every offset that they share. */
export function checkAgreement(
  where: string,
  readings: readonly (readonly { readonly offset: number; readonly content: string }[])[],
): Violation[] {
  const findings = new Findings(where)
  const known = new Map<number, string>()
  for (const reading of readings)
    for (const { offset, content } of reading) {
      const before = known.get(offset)
      if (before !== undefined && before !== content)
        findings.add('offset-conflict', `${offset}: ${before.slice(0, 60)} and ${content.slice(0, 60)}`)
      known.set(offset, content)
    }
  return findings.violations()
}
