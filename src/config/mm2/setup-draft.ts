// A set-up that is put together from connectors: MirrorMaker's source, checkpoint and heartbeat connectors each say a part of one flow.
import type { FileKey, Mm2Flow, Mm2Setup, Setting, Settings, Verdict } from './setup.ts'

export type ConnectorKind = 'source' | 'checkpoint' | 'heartbeat'

interface Connector {
  readonly kind: ConnectorKind
  readonly name: string | undefined
  readonly source: string
  readonly target: string
  readonly isOn: boolean
  /** Without those of its clusters. */
  readonly settings: Settings
}

/** Whose word counts for a key that several connectors know: of all others the source connector's. */
const OWNERS: readonly (readonly [RegExp, ConnectorKind])[] = [
  [/^(groups|groups\..*|group\.filter\.class|refresh\.groups\..*|sync\.group\.offsets\..*)$/, 'checkpoint'],
  [/^(emit\.checkpoints|checkpoints\.topic)\..*$/, 'checkpoint'],
  [/^(emit\.heartbeats|heartbeats\.topic)\..*$/, 'heartbeat'],
]
/** What must not be said otherwise by another connector of the flow. */
const COMMON = /^(topics|topics\.exclude|topics\.blacklist|topic\.filter\.class|replication\.policy\..*)$/

export class SetupDraft {
  readonly #clusters = new Map<string, Map<string, Setting>>()
  readonly #connectors: Connector[] = []
  readonly #keys: FileKey[] = []
  readonly #overruled = new Map<string, Verdict>()

  get isEmpty(): boolean {
    return this.#connectors.length === 0 && this.#clusters.size === 0
  }

  /** A cluster is the same for all: of two words on it the first counts. */
  cluster(alias: string, settings: Settings): void {
    const known = this.#clusters.get(alias) ?? new Map<string, Setting>()
    for (const [name, setting] of settings) {
      const before = known.get(name)
      if (!before) known.set(name, setting)
      else if (before.value !== setting.value)
        this.#overruled.set(at(setting), {
          verdict: 'refused',
          message: `${before.key} in line ${before.line} says otherwise of ${alias}, and a cluster is the same for all its flows`,
        })
      else this.#overruled.set(at(setting), { verdict: 'same', message: `it is what line ${before.line} says` })
    }
    this.#clusters.set(alias, known)
  }

  connector(connector: Connector): void {
    this.#connectors.push(connector)
    for (const alias of [connector.source, connector.target]) this.cluster(alias, new Map())
  }

  key(place: Pick<FileKey, 'key' | 'line'>, otherwise: Verdict): void {
    this.#keys.push({ key: place.key, line: place.line, otherwise })
  }

  finished(): Mm2Setup {
    const pairs = Map.groupBy(this.#connectors, ({ source, target }) => `${source}->${target}`)
    const flows = [...pairs.values()].flatMap((connectors) => this.#flowsOf(connectors))
    const keys = this.#keys.map((one) => ({ ...one, otherwise: this.#overruled.get(at(one)) ?? one.otherwise }))
    return { clusters: this.#clusters, flows, keys }
  }

  /** One for each source connector; whatever else the pair has serves all of them. */
  #flowsOf(connectors: readonly Connector[]): Mm2Flow[] {
    for (const { isOn, settings } of connectors)
      if (!isOn) this.#overrule(settings, { verdict: 'none', message: 'its connector is not enabled' })
    const on = connectors.filter(({ isOn }) => isOn)
    const sources = on.filter(({ kind }) => kind === 'source')
    if (sources.length === 0) {
      const message = 'no MirrorSourceConnector that is on copies between these clusters, so that there is no mirror'
      for (const { settings } of on) this.#overrule(settings, { verdict: 'none', message })
    }
    return sources.map(({ source, target, name, settings }, number) => {
      const merged = new Map([...settings].filter(([key]) => ownerOf(key, on) === 'source'))
      for (const other of on)
        if (other.kind !== 'source')
          for (const [key, setting] of other.settings)
            if (ownerOf(key, on) === other.kind) merged.set(key, setting)
            else this.#tellApart(key, setting, merged.get(key))
      const own = number === 0 ? {} : { name: name ?? `${source}->${target} ${number + 1}` }
      return { source, target, ...own, connector: merged }
    })
  }

  #tellApart(key: string, setting: Setting, counts: Setting | undefined): void {
    if (!COMMON.test(key)) return
    const isAll = key === 'topics' && setting.value.trim() === '.*' // of those that the source connector copies
    const isSame = isAll || counts?.value.trim() === setting.value.trim()
    const message = isSame
      ? 'what the source connector says counts'
      : "the source connector's word counts, and it is another"
    this.#overrule(new Map([[key, setting]]), { verdict: isSame ? 'same' : 'refused', message })
  }

  #overrule(settings: Settings, verdict: Verdict): void {
    for (const setting of settings.values()) this.#overruled.set(at(setting), verdict)
  }
}

const at = ({ key, line }: { readonly key: string; readonly line: number }) => `${line} ${key}`

/** A pair without its checkpoint connector has what its source connector says of groups, which is nothing that counts. */
function ownerOf(key: string, connectors: readonly Connector[]): ConnectorKind {
  const owner = OWNERS.find(([pattern]) => pattern.test(key))?.[1] ?? 'source'
  return connectors.some(({ kind }) => kind === owner) ? owner : owner === 'heartbeat' ? 'source' : owner
}
