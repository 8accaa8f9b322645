import { Findings, type Violation } from './violation.ts'

/** What never goes back: high watermarks, epochs, the ends that ListOffsets tells. */
export function checkGrowth(where: string, seen: readonly number[]): Violation[] {
  const findings = new Findings(where)
  for (let look = 1; look < seen.length; look++)
    if (seen[look]! < seen[look - 1]!) findings.add('went-back', `from ${seen[look - 1]} to ${seen[look]}`)
  return findings.violations()
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
