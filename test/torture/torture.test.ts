// One short case of what `npm run torture` does for long: see torture.ts for what would be wrong.
import { expect, it } from 'vitest'
import { title } from '../compatibility/ground.ts'
import { textOf } from '../oracle/violation.ts'
import { torture } from './torture.ts'
import { torturer } from './torturers.ts'

const seed = '4'
const seconds = 6

const client = await torturer('franz')
const reason = 'reason' in client ? client.reason : undefined

it.skipIf(reason)(
  title('three processes keep their word to franz-go, though they are killed and frozen', reason),
  async () => {
    if ('reason' in client) return
    const outcome = await torture({ seed, seconds, clients: [client] })
    expect(outcome.violations.map(textOf)).toEqual([])
    // What did not hurt proves nothing.
    expect(outcome.kills).toBeGreaterThan(0)
    expect(outcome.freezes).toBeGreaterThan(0)
    expect(outcome.acknowledged).toBeGreaterThan(100)
    expect(outcome.transactions).toBeGreaterThan(0)
  },
  180_000,
)
