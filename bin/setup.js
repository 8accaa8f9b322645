// Runs a file of this checkout on the pinned Node, installing what is missing first.
//
//   node bin/setup.js FILE [ARGUMENT…]
//
// npm may have been started by any Node from 20 on, so this file uses nothing newer. The lock file's hash is kept inside
// node_modules: the same lock is never installed twice, and a changed one never runs with old packages.
import { spawn, spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = dirname(dirname(fileURLToPath(import.meta.url)))
const stamp = join(root, 'node_modules', '.heliostat-lock')
const node = join(root, 'node_modules', 'node', 'bin', process.platform === 'win32' ? 'node.exe' : 'node')

export function install() {
  const lock = createHash('sha256')
    .update(readFileSync(join(root, 'package-lock.json')))
    .digest('hex')
  if (existsSync(node) && existsSync(stamp) && readFileSync(stamp, 'utf8') === lock) return node
  process.stderr.write('heliostat: installing packages (npm ci) …\n')
  const npm = spawnSync('npm', ['ci', '--no-audit', '--no-fund', '--loglevel=error'], {
    cwd: root,
    stdio: ['ignore', 'ignore', 'inherit'],
    shell: process.platform === 'win32',
  })
  if (npm.status !== 0) {
    process.stderr.write('heliostat: npm ci failed; is the npm registry reachable?\n')
    process.exit(1)
  }
  if (!existsSync(node)) {
    process.stderr.write(
      'heliostat: npm did not run the install script of the package "node"; see allowScripts in package.json\n',
    )
    process.exit(1)
  }
  writeFileSync(stamp, lock)
  return node
}

/** Runs `file` on the pinned Node and ends as it ends; signals reach it through the terminal or are passed on. */
export function run(file, args) {
  const child = spawn(install(), [resolve(root, file), ...args], { stdio: 'inherit' })
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) {
    // A terminal sends Ctrl-C to the whole group itself; passing it on again would count as the second, hard one.
    process.on(signal, () => {
      if (signal !== 'SIGINT' || !process.stdin.isTTY) child.kill(signal)
    })
  }
  child.on('exit', (code, signal) => {
    if (signal === null) process.exit(code ?? 1)
    process.removeAllListeners(signal)
    process.kill(process.pid, signal)
  })
}

if (process.argv[1] === fileURLToPath(import.meta.url)) run(process.argv[2], process.argv.slice(3))
