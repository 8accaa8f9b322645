// What a MirrorMaker 2 set-up says, whatever file it stands in: clusters by alias, and flows with the effective settings of their
// connectors. Each setting remembers where it stands, so that each key of the file can be answered by name.

export interface Setting {
  readonly value: string
  /** As written in the file. */
  readonly key: string
  readonly line: number
}

export type Settings = ReadonlyMap<string, Setting>

export interface Mm2Flow {
  readonly source: string
  readonly target: string
  /** Of a second flow between the same clusters. */
  readonly name?: string
  /** Of all three connectors, under their own names: `topics`, `sync.group.offsets.enabled`, `source.consumer.client.rack`. */
  readonly connector: Settings
}

/** A key of the file, with the answer that it gets where nothing that is converted gives one. */
export interface FileKey {
  readonly key: string
  readonly line: number
  readonly otherwise: Verdict
}

export interface Mm2Setup {
  /** Client settings by alias: `bootstrap.servers`, `security.protocol`, `ssl.…`, `sasl.…`. */
  readonly clusters: ReadonlyMap<string, Settings>
  /** Flows that copy topics. */
  readonly flows: readonly Mm2Flow[]
  /** All of the file, in its order. */
  readonly keys: readonly FileKey[]
}

/** What became of one key of the file. */
export interface Answer {
  readonly key: string
  readonly line: number
  /**
   * `mapped`: it stands in the YAML · `same`: heliostat does so anyway · `none`: it has no meaning here · `refused`: it is asked for and
   * not to be had · `unknown`: MirrorMaker does not know it either.
   */
  readonly verdict: 'mapped' | 'same' | 'none' | 'refused' | 'unknown'
  readonly message: string
}

export type Verdict = Pick<Answer, 'verdict' | 'message'>

/** ConfigDef's LIST: commas between, blanks around them of no meaning. */
export function listOf(value: string): string[] {
  return value
    .split(',')
    .map((part) => part.trim())
    .filter((part) => part !== '')
}

/** ConfigDef's BOOLEAN; undefined: neither. */
export function flagOf(value: string): boolean | undefined {
  const word = value.trim().toLowerCase()
  return word === 'true' ? true : word === 'false' ? false : undefined
}
