import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Hono } from 'hono'
import { packageFolder } from '../platform/node-package.ts'

// The page is published as it is written.
const folder = join(packageFolder(), 'src', 'server', 'dashboard')

const files: Readonly<Record<string, readonly [file: string, type: string]>> = {
  '/': ['index.html', 'text/html; charset=utf-8'],
  '/dashboard.js': ['dashboard.js', 'text/javascript; charset=utf-8'],
  '/dashboard.css': ['dashboard.css', 'text/css; charset=utf-8'],
}

/** Serves the page: three files of the package and nothing from elsewhere. */
export function dashboard(app: Hono): void {
  for (const [path, [file, type]] of Object.entries(files)) {
    app.get(path, (context) => context.body(readFileSync(join(folder, file), 'utf8'), 200, { 'Content-Type': type }))
  }
}
