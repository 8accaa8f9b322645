// `npm test`: the checks, then every test that this machine has the ground for. The last line counts them.
import { spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { check } from './check.ts'

const root = dirname(dirname(fileURLToPath(import.meta.url)))
const folder = mkdtempSync(join(tmpdir(), 'heliostat-test-'))
const summary = join(folder, 'summary.json')

const clean = await check()
const vitest = join(root, 'node_modules', 'vitest', 'vitest.mjs')
const tests = spawnSync(process.execPath, [vitest, 'run', ...process.argv.slice(2)], {
  cwd: root,
  stdio: 'inherit',
  env: { ...process.env, HELIOSTAT_TEST_SUMMARY: summary },
})

let count = { passed: 0, failed: 1, skipped: 0 }
try {
  count = JSON.parse(readFileSync(summary, 'utf8'))
} catch {
  process.stderr.write('vitest ended without a summary\n')
}
rmSync(folder, { recursive: true, force: true })

// The checks count as one test, so that a lint error is seen in the closing line too.
if (clean) count.passed += 1
else count.failed += 1
if (tests.status !== 0 && count.failed === 0) count.failed = 1
process.stdout.write(`${count.passed} passed, ${count.failed} failed, ${count.skipped} skipped\n`)
process.exitCode = count.failed === 0 ? 0 : 1
