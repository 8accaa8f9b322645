// The JSON Schema of the file of `heliostat run`, made from the fields that read it, so that an editor and the parser never disagree.
import { z } from 'zod'
import { mirrorConfigSchema } from './mirror-config.ts'

export function configJsonSchema(): object {
  const { $schema, ...schema } = z.toJSONSchema(mirrorConfigSchema, { io: 'input', unrepresentable: 'any' })
  return { $schema, title: 'heliostat: clusters and the mirrors between them', ...schema }
}
