import { spawnSync } from 'node:child_process'
import { expect, it } from 'vitest'

function run(program: string): string {
  const url = (name: string) => JSON.stringify(new URL(`../../src/platform/${name}`, import.meta.url).href)
  const source = `const { nodePlatform } = await import(${url('node-platform.ts')}); nodePlatform(); nodePlatform();${program}`
  const ran = spawnSync(process.execPath, ['--input-type=module', '-e', source], { encoding: 'utf8' })
  expect(ran.status).toBe(0)
  return ran.stderr
}

it('drops the known warning about kafkajs and no other', () => {
  const stderr = run(`
    const known = Object.assign(new Error('-1 is a negative number'), { name: 'TimeoutNegativeWarning' })
    known.stack = 'TimeoutNegativeWarning: at /x/node_modules/kafkajs/src/network/requestQueue/index.js'
    process.emitWarning(known)
    setTimeout(() => {}, -7)
    process.emitWarning('something else')
  `)
  expect(stderr).not.toContain('-1 is a negative number')
  expect(stderr).toContain('-7 is a negative number')
  expect(stderr.match(/something else/g)).toHaveLength(1)
})
