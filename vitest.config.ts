import { defineConfig } from 'vitest/config'

// HELIOSTAT_LEAST_RIGHTS=1: every mirror of every test runs with the rights that `heliostat acls` prints for it, and no other.
const leastRights = process.env['HELIOSTAT_LEAST_RIGHTS'] ? ['./test/support/least-rights.ts'] : []

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    setupFiles: leastRights,
    pool: 'forks',
    maxWorkers: 2,
    testTimeout: 20_000,
    hookTimeout: 30_000,
    reporters: ['default', './test/support/summary-reporter.ts'],
  },
})
