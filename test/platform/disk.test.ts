// One suite for both disks: what a log may rely on, it may rely on everywhere.
import { spawn, spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { memoryDisk } from '../../src/platform/memory-disk.ts'
import { nodeDisk } from '../../src/platform/node-disk.ts'
import type { Disk } from '../../src/platform/platform.ts'

describe.each([
  ['node', nodeDisk],
  ['memory', memoryDisk],
])('the %s disk', (_, makeDisk) => {
  let disk: Disk
  let root: string
  beforeEach(() => {
    root = mkdtempSync(join(tmpdir(), 'heliostat-disk-'))
    disk = makeDisk()
    disk.makeDirectory(root)
  })
  afterEach(() => rmSync(root, { recursive: true, force: true }))

  const path = (name: string) => join(root, name)
  const codeOf = (action: () => unknown): string | undefined => {
    try {
      action()
    } catch (error) {
      return (error as { code?: string }).code
    }
    return undefined
  }

  it('writes several buffers one after the other and reads them back from any position', () => {
    const file = disk.open(path('log'))
    file.write([Buffer.from('one '), Buffer.alloc(0), Buffer.from('two')], 0)
    file.write([Buffer.from('!')], 7)
    file.sync()
    expect(file.size()).toBe(8)
    const into = Buffer.alloc(4)
    expect(file.read(into, 4)).toBe(4)
    expect(into.toString()).toBe('two!')
    expect(file.read(into, 6)).toBe(2)
    expect(file.read(into, 8)).toBe(0)
    expect(file.read(into, 100)).toBe(0)
    file.close()
    expect(disk.read(path('log')).toString()).toBe('one two!')
  })

  it('takes more buffers in one write than the kernel takes in one call', () => {
    const file = disk.open(path('log'))
    const buffers = Array.from({ length: 2500 }, (_, index) => Buffer.from([index & 0xff, 1]))
    file.write(buffers, 3)
    file.close()
    expect(disk.read(path('log')).subarray(3).equals(Buffer.concat(buffers))).toBe(true)
  })

  it('behaves as an array of bytes under any sequence of writes and truncations', () => {
    const size = fc.nat({ max: 700_000 })
    const step = fc.oneof(
      fc.record({
        at: size,
        lengths: fc.array(fc.nat({ max: 300_000 }), { maxLength: 3 }),
        byte: fc.integer({ min: 1, max: 255 }),
      }),
      fc.record({ truncate: size }),
    )
    fc.assert(
      fc.property(fc.array(step, { maxLength: 8 }), (steps) => {
        disk.remove(path('log'))
        const file = disk.open(path('log'))
        let model = Buffer.alloc(0)
        for (const step of steps) {
          if ('truncate' in step) {
            file.truncate(step.truncate)
            model = resized(model, step.truncate)
          } else {
            const buffers = step.lengths.map((length, index) => Buffer.alloc(length, step.byte + index))
            const bytes = Buffer.concat(buffers)
            file.write(buffers, step.at)
            if (bytes.length > 0) model = resized(model, Math.max(model.length, step.at + bytes.length))
            bytes.copy(model, step.at)
          }
          if (file.size() !== model.length) return false
        }
        const content = Buffer.alloc(model.length)
        const complete = file.read(content, 0) === model.length && content.equals(model)
        file.close()
        return complete
      }),
      { numRuns: 40 },
    )
  })

  it('opens without making when told so', () => {
    expect(codeOf(() => disk.open(path('absent'), { create: false }))).toBe('ENOENT')
    expect(codeOf(() => disk.read(path('absent')))).toBe('ENOENT')
    expect(disk.exists(path('absent'))).toBe(false)
    disk.open(path('made')).close()
    expect(disk.exists(path('made'))).toBe(true)
    expect(codeOf(() => disk.open(path('no-directory/file')))).toBe('ENOENT')
  })

  it('replaces the whole content and leaves no second file', () => {
    disk.replace(path('state'), Buffer.from('a longer first version'))
    disk.replace(path('state'), Buffer.from('second'))
    expect(disk.read(path('state')).toString()).toBe('second')
    expect(disk.list(root)).toEqual(['state'])
    expect(codeOf(() => disk.replace(path('absent/state'), Buffer.from('x')))).toBe('ENOENT')
  })

  it('makes directories with their parents, lists them sorted, and an absent one as empty', () => {
    disk.makeDirectory(path('a/b/c'))
    disk.makeDirectory(path('a/b/c'))
    for (const name of ['z', 'y', 'x']) disk.open(path(`a/${name}`)).close()
    expect(disk.list(path('a'))).toEqual(['b', 'x', 'y', 'z'])
    expect(disk.list(path('nowhere'))).toEqual([])
  })

  it('renames files over files and directories with all they hold', () => {
    disk.replace(path('old'), Buffer.from('old'))
    disk.replace(path('new'), Buffer.from('new'))
    disk.rename(path('new'), path('old'))
    expect(disk.read(path('old')).toString()).toBe('new')
    expect(disk.exists(path('new'))).toBe(false)
    disk.makeDirectory(path('topic-0'))
    disk.replace(path('topic-0/log'), Buffer.from('kept'))
    disk.rename(path('topic-0'), path('topic-0.deleted'))
    expect(disk.read(path('topic-0.deleted/log')).toString()).toBe('kept')
    expect(disk.list(root)).toEqual(['old', 'topic-0.deleted'])
    expect(codeOf(() => disk.rename(path('absent'), path('any')))).toBe('ENOENT')
  })

  it('removes files and whole directories, and shrugs at what is not there', () => {
    disk.makeDirectory(path('a/b'))
    disk.replace(path('a/b/file'), Buffer.from('x'))
    disk.remove(path('a'))
    disk.remove(path('a'))
    expect(disk.list(root)).toEqual([])
  })

  it('keeps an open file readable after its removal', () => {
    const file = disk.open(path('log'))
    file.write([Buffer.from('content')], 0)
    disk.remove(path('log'))
    const into = Buffer.alloc(7)
    expect(file.read(into, 0)).toBe(7)
    file.close()
  })

  it('gives a lock to one holder at a time', () => {
    const first = disk.lock(path('.lock'))!
    expect(first).toBeDefined()
    expect(disk.lock(path('.lock'))).toBeUndefined()
    first.release()
    first.release()
    const second = disk.lock(path('.lock'))!
    expect(second).toBeDefined()
    first.release()
    expect(disk.lock(path('.lock'))).toBeUndefined()
    second.release()
  })
})

it('copies a disk of memory with all that is on it; the copy goes its own way, and nobody holds its locks', () => {
  const disk = memoryDisk()
  disk.makeDirectory('/logs/orders-0')
  const large = Buffer.alloc(600_000, 'abc')
  const file = disk.open('/logs/orders-0/log')
  file.write([large], 0)
  disk.lock('/logs/.lock')
  const copy = disk.copy()
  file.write([Buffer.from('changed')], 300_000)
  disk.remove('/logs/.lock')
  expect(copy.list('/logs')).toEqual(['.lock', 'orders-0'])
  expect(copy.read('/logs/orders-0/log').equals(large)).toBe(true)
  expect(copy.lock('/logs/.lock')).toBeDefined()
  copy.open('/logs/orders-0/log').truncate(3)
  expect(file.size()).toBe(large.length)
})

describe('the node disk between processes', () => {
  let root: string
  beforeEach(() => {
    root = mkdtempSync(join(tmpdir(), 'heliostat-lock-'))
  })
  afterEach(() => rmSync(root, { recursive: true, force: true }))

  const disk = new URL('../../src/platform/node-disk.ts', import.meta.url).href
  function script(name: string, body: string): string {
    const file = join(root, `${name}.ts`)
    writeFileSync(
      file,
      `import { nodeDisk } from '${disk}'\nconst path = ${JSON.stringify(join(root, '.lock'))}\n${body}`,
    )
    return file
  }

  it('refuses a lock that another process holds and grants it once that process was killed', async () => {
    const hold = script('hold', 'console.log(nodeDisk().lock(path) !== undefined); gc(); setInterval(gc, 10)')
    const take = script('take', 'process.exitCode = nodeDisk().lock(path) ? 0 : 3')
    const holder = spawn(process.execPath, ['--expose-gc', hold], { stdio: ['ignore', 'pipe', 'inherit'] })
    const gone = new Promise((resolve) => holder.once('exit', resolve))
    try {
      const said = await new Promise((resolve) => holder.stdout.once('data', (chunk) => resolve(String(chunk).trim())))
      expect(said).toBe('true')
      expect(spawnSync(process.execPath, [take]).status).toBe(3)
    } finally {
      holder.kill('SIGKILL')
      await gone
    }
    expect(spawnSync(process.execPath, [take]).status).toBe(0)
  })
})

function resized(bytes: Buffer<ArrayBuffer>, length: number): Buffer<ArrayBuffer> {
  const grown = Buffer.alloc(length)
  bytes.copy(grown)
  return grown
}
