import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { create } from '../../src/cli/create.ts'
import { loadConfig, loadTopology } from '../../src/config/config.ts'

const root = join(import.meta.dirname, '..', '..', 'config')

describe('every sample in config/', () => {
  it.each(readdirSync(join(root, 'mirrors')))('mirrors/%s is a configuration without problems', (file) => {
    expect(loadConfig(readFileSync(join(root, 'mirrors', file), 'utf8'), file, {}).warnings).toEqual([])
  })

  it.each(readdirSync(join(root, 'topologies')))('topologies/%s is a topology without problems', (file) => {
    expect(loadTopology(readFileSync(join(root, 'topologies', file), 'utf8'), file, {}).warnings).toEqual([])
  })
})

describe('heliostat create', () => {
  it('prints a file that loads as it is, and with every comment switched on', () => {
    let text = ''
    const write = process.stdout.write
    process.stdout.write = (chunk: string | Uint8Array) => {
      text += String(chunk)
      return true
    }
    try {
      create({ from: 'paris', to: 'tokyo' })
    } finally {
      process.stdout.write = write
    }
    expect(loadConfig(text, 'created.yaml', {}).config.mirrors[0]!.name).toBe('paris->tokyo')
    const switchedOn = text
      .replace(/^( *)# (?!heliostat)(?=\w+:)/gm, '$1')
      .replace(', or { ca: { file: ca.pem }', ' # ')
    const { config } = loadConfig(switchedOn, 'created.yaml', { PARIS_PASSWORD: 'p' })
    expect(config.mirrors[0]).toMatchObject({ start: 'earliest', refresh: 5_000 })
    expect(config.clusters['paris']!.sasl).toMatchObject({ password: 'p' })
  })
})
