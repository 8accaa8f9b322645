// `npm run check`: format and lint (biome), types (tsc), dead code (knip), side by side, in seconds.
import { spawn } from 'node:child_process'
import { dirname, join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'

const root = dirname(dirname(fileURLToPath(import.meta.url)))
const checks = [
  ['biome', 'check', '--error-on-warnings', '.'],
  ['tsc', '-p', 'tsconfig.json'],
  ['knip', '--no-progress'],
]

/** Runs one tool of node_modules/.bin; resolves to its output, or to undefined when it is content. */
function complaint([tool, ...args]: string[]): Promise<string | undefined> {
  return new Promise((resolve) => {
    const path = `${dirname(process.execPath)}:${process.env['PATH']}`
    const child = spawn(join(root, 'node_modules', '.bin', tool!), args, {
      cwd: root,
      env: { ...process.env, PATH: path },
    })
    let output = ''
    child.stdout.on('data', (chunk) => (output += chunk))
    child.stderr.on('data', (chunk) => (output += chunk))
    child.on('error', (error) => resolve(`${tool}: ${error.message}`))
    child.on('exit', (code) => resolve(code === 0 ? undefined : `${tool} ${args.join(' ')}\n${output}`))
  })
}

export async function check(): Promise<boolean> {
  const complaints = (await Promise.all(checks.map(complaint))).filter((found) => found !== undefined)
  for (const found of complaints) process.stderr.write(`${found}\n`)
  return complaints.length === 0
}

if (import.meta.url === pathToFileURL(process.argv[1]!).href) {
  const green = await check()
  process.stdout.write(green ? 'check: lint, types and dead code are fine\n' : 'check: failed\n')
  process.exitCode = green ? 0 : 1
}
