import { describe, expect, it } from 'vitest'
import { HeliostatError } from '../../src/platform/errors.ts'
import { type NodeLogOptions, nodeLog } from '../../src/platform/node-log.ts'

function collect(options: NodeLogOptions = {}) {
  const lines: string[] = []
  return { log: nodeLog({ ...options, write: (line) => lines.push(line) }), lines }
}

describe('the log', () => {
  it('writes one JSON object a line, with event, message, time and fields', () => {
    const { log, lines } = collect()
    log.info('broker.started', 'broker is ready', { node: 1, big: 12n, bytes: Buffer.alloc(3) })
    expect(lines).toHaveLength(1)
    const line = JSON.parse(lines[0]!)
    expect(line).toMatchObject({ level: 'info', event: 'broker.started', msg: 'broker is ready', node: 1, big: '12' })
    expect(line.bytes).toBe('3 bytes')
    expect(new Date(line.time).getTime()).toBeGreaterThan(0)
  })

  it('adds the fields of its ancestors', () => {
    const { log, lines } = collect()
    log.child({ cluster: 'east' }).child({ topic: 'orders' }).warn('a.b', 'm', { partition: 3 })
    expect(JSON.parse(lines[0]!)).toMatchObject({ cluster: 'east', topic: 'orders', partition: 3, level: 'warn' })
  })

  it('leaves out what lies under its level', () => {
    const { log, lines } = collect({ level: 'warn' })
    log.debug('a', 'm')
    log.info('a', 'm')
    log.child({ x: 1 }).info('a', 'm')
    log.error('a', 'm')
    expect(lines).toHaveLength(1)
  })

  it.each([true, false])('masks secrets by name at any depth, in lines and in children (pretty: %s)', (pretty) => {
    const { log, lines } = collect({ pretty })
    const secret = 'canary-17'
    log.child({ password: secret }).info('a', 'm', {
      sasl: { username: 'mirror', password: secret, list: [{ clientSecret: secret }] },
      accessToken: secret,
      error: new HeliostatError('HEL_X', 'broken', { where: { ssl_key_password: secret, host: 'h' } }),
      map: new Map([['token', secret]]),
    })
    expect(lines[0]).toContain('mirror')
    expect(lines[0]).not.toContain(secret)
  })

  it('tells an error with its code, place and causes', () => {
    const { log, lines } = collect()
    const cause = Object.assign(new Error('refused'), { code: 'ECONNREFUSED' })
    log.error('a', 'm', { error: new HeliostatError('HEL_UNREACHABLE', 'cannot reach', { cause, where: { port: 1 } }) })
    expect(JSON.parse(lines[0]!).error).toMatchObject({
      code: 'HEL_UNREACHABLE',
      message: 'cannot reach',
      where: { port: 1 },
      cause: { code: 'ECONNREFUSED', message: 'refused' },
    })
  })

  it('survives fields that refer to themselves', () => {
    const { log, lines } = collect()
    const knot: Record<string, unknown> = {}
    knot['self'] = knot
    log.info('a', 'm', { knot })
    expect(lines).toHaveLength(1)
  })

  it('is one readable line each when pretty', () => {
    const { log, lines } = collect({ pretty: true })
    log.warn('mirror.stopped', 'partition stopped', { topic: 'orders', reason: 'too large', error: new Error('no') })
    expect(lines[0]).toMatch(
      /^\d\d:\d\d:\d\d\.\d{3} WARN {2}mirror\.stopped partition stopped topic=orders reason="too large" error="no"\n$/,
    )
  })
})
