import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, it, onTestFinished } from 'vitest'
import { obtainProperties } from '../../src/broker/cluster-properties.ts'
import { testPlatform } from '../support/log-content.ts'

it('is written once, by one of the processes that start together on a directory', () => {
  const data = mkdtempSync(join(tmpdir(), 'heliostat-properties-'))
  onTestFinished(() => rmSync(data, { recursive: true, force: true }))
  const agreed = { clusterId: 'agreed-by-all-of-them-', voters: [1, 2, 3] }
  const obtain = (wanted: string) => obtainProperties(testPlatform, data, agreed.voters, wanted)
  const another = testPlatform.disk.lock(join(data, '.lock'))!
  expect(obtain(agreed.clusterId)).toEqual(agreed)
  expect(existsSync(join(data, 'meta.properties'))).toBe(false)
  another.release()
  expect(obtain(agreed.clusterId)).toEqual(agreed)
  expect(obtain('another-id')).toEqual(agreed)
})

it('a directory that cannot be made is named, with the reason', () => {
  const data = mkdtempSync(join(tmpdir(), 'heliostat-properties-'))
  onTestFinished(() => rmSync(data, { recursive: true, force: true }))
  const file = join(data, 'file')
  testPlatform.disk.replace(file, Buffer.from(''))
  expect(() => obtainProperties(testPlatform, join(file, 'data'), [1])).toThrow(
    /file\/data cannot be made or used \(ENOTDIR\)$/,
  )
})
