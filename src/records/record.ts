/** One record as a person sees it. The data plane never makes these; they serve readers that want single records. */
export interface Record {
  readonly offset: number
  readonly timestamp: number
  readonly key: Buffer | null
  readonly value: Buffer | null
  readonly headers: readonly RecordHeader[]
}

export interface RecordHeader {
  readonly key: string
  readonly value: Buffer | null
}

export const NO_HEADERS: readonly RecordHeader[] = Object.freeze([])

/** How far a reader may go when bytes are compressed. */
export interface ReadLimits {
  /** Bytes that one batch may take once inflated. */
  maxBytes?: number
}

export const INFLATED_BYTES_MAX = 128 * 1024 * 1024
