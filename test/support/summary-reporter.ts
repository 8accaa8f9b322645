import { writeFileSync } from 'node:fs'
import type { Reporter, TestModule } from 'vitest/node'

/** Writes `{passed, failed, skipped}` to the file named by HELIOSTAT_TEST_SUMMARY, for test/run.ts to print last. */
export default class SummaryReporter implements Reporter {
  onTestRunEnd(modules: readonly TestModule[], errors: readonly unknown[]): void {
    const count = { passed: 0, failed: errors.length, skipped: 0 }
    for (const module of modules) {
      // A file that cannot be loaded has no tests to fail, yet must not pass for green.
      if (module.errors().length > 0) count.failed += 1
      for (const test of module.children.allTests()) {
        const state = test.result().state
        if (state === 'passed') count.passed += 1
        else if (state === 'skipped') count.skipped += 1
        else count.failed += 1
      }
    }
    const file = process.env['HELIOSTAT_TEST_SUMMARY']
    if (file) writeFileSync(file, JSON.stringify(count))
  }
}
