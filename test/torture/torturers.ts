// The clients that there are programs for, with how they are started here, or why they cannot be had.

import type { Command } from '../compatibility/programs/client-program.ts'
import { withConfluentKafka } from '../compatibility/programs/confluent-kafka.ts'
import { built } from '../compatibility/programs/go.ts'
import { compiledJava } from '../compatibility/programs/java.ts'
import { javaArguments } from '../support/apache-kafka.ts'
import type { Torturer } from './torture.ts'

interface Known {
  readonly name: string
  readonly roles: Torturer['roles']
  readonly prepare: () => Promise<Command | { readonly reason: string }>
}

const known: readonly Known[] = [
  { name: 'franz', roles: ['transform'], prepare: () => built('torture') },
  {
    name: 'java',
    roles: ['transform', 'new-groups'],
    prepare: async () => {
      const classes = await compiledJava('torture')
      if (classes.reason !== undefined) return classes
      return { command: 'java', args: javaArguments('Torture', [], undefined, [classes.folder]) }
    },
  },
  { name: 'librdkafka', roles: [], prepare: () => withConfluentKafka('torture.py') },
]

export const torturerNames = known.map(({ name }) => name)

export async function torturer(wanted: string): Promise<Torturer | { readonly reason: string }> {
  const { name, roles, prepare } = known.find((one) => one.name === wanted)!
  const command = await prepare()
  return command.reason === undefined ? { name, roles, command } : { reason: command.reason }
}
