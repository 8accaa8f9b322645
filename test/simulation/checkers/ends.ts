import { checkGrowingAnswers, checkToldEnds } from '../../oracle/growth.ts'
import type { Violation } from '../../oracle/violation.ts'
import type { Checker } from '../scenario.ts'

/** What was told of where logs begin and end never went back, and could be read. */
export const endsNeverGoBack: Checker = async ({ history }) => {
  const violations: Violation[] = checkToldEnds(history.toldEnds)
  for (const [what, answers] of history.answers) violations.push(...checkGrowingAnswers(what, answers))
  return violations
}
