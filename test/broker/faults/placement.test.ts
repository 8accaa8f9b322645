// Where an error on purpose stands in the answer of each API, as the schemas tell it. UPDATE=1 rewrites the list; review the diff.
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { servedApis } from '../../../src/broker/apis/index.ts'
import { type Level, shapeOf } from '../../../src/broker/faults/item-shape.ts'
import { apis } from '../../../src/protocol/messages/index.ts'
import type { Api } from '../../../src/protocol/schema.ts'

const path = join(import.meta.dirname, 'placement.txt')

function describe(api: Api, version: number): string {
  const { errorField, levels } = shapeOf(api, version)
  const places = [...(errorField === undefined ? [] : [errorField]), ...levels.map((level) => describeLevel(level))]
  return places.join(' · ') || 'nowhere'
}

function describeLevel(level: Level): string {
  const { request, response, holds, identity, errorField, inner } = level
  const by = Object.keys(identity).join('+') || 'order'
  const error = errorField === undefined ? '' : ` ${errorField}`
  const within = inner === undefined ? '' : ` (${describeLevel(inner)})`
  return `${request}→${response} ${holds === 'other' ? 'items' : `${holds}s`} by ${by}${error}${within}`
}

function linesOf(api: Api): string[] {
  const [min, max] = api.versions
  const found: { from: number; to: number; text: string }[] = []
  for (let version = min; version <= max; version++) {
    const text = describe(api, version)
    const last = found.at(-1)
    if (last?.text === text) last.to = version
    else found.push({ from: version, to: version, text })
  }
  return found.map(({ from, to, text }) => `${api.name} ${from === to ? from : `${from}–${to}`}: ${text}\n`)
}

it('an error stands where Kafka puts it, in every version', () => {
  if (process.env['UPDATE'] === '1') writeFileSync(path, apis.flatMap(linesOf).join(''))
  const listed = readFileSync(path, 'utf8')
  const names = new Set(listed.split('\n').map((line) => line.split(' ')[0]))
  const known = apis.filter(({ name }) => names.has(name))
  expect(known.flatMap(linesOf).join('')).toBe(listed)
})

it('every API that is served has a place for an error', () => {
  const homeless = servedApis.flatMap(({ api, minVersion, maxVersion }) => {
    const versions = Array.from({ length: maxVersion - minVersion + 1 }, (_, index) => minVersion + index)
    return versions.filter((version) => describe(api, version) === 'nowhere').map((version) => `${api.name} ${version}`)
  })
  // Neither Kafka's class nor its clients know an error of these as a whole; AlterReplicaLogDirs is asked by directory, answered by topic.
  const asked = ['AlterReplicaLogDirs 1', 'AlterReplicaLogDirs 2']
  expect(homeless).toEqual([...asked, 'DescribeLogDirs 1', 'DescribeLogDirs 2'])
})
