import { configJsonSchema } from '../config/json-schema.ts'
import { exitCode } from './exit-code.ts'

/** Prints the JSON Schema of the configuration, for editors: made from what reads it. */
export function schema(): number {
  process.stdout.write(`${JSON.stringify(configJsonSchema(), null, 2)}\n`)
  return exitCode.ok
}
