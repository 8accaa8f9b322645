// Names of the files of a partition's folder, spelled as Kafka spells them, so that its tools read our folders and we read its.

export const LOG_SUFFIX = '.log'
export const OFFSET_INDEX_SUFFIX = '.index'
export const TIME_INDEX_SUFFIX = '.timeindex'
export const TRANSACTION_INDEX_SUFFIX = '.txnindex'
export const SNAPSHOT_SUFFIX = '.snapshot'

/** Being written by compaction; worthless after a crash. */
export const CLEANED_SUFFIX = '.cleaned'
/** Written wholly by compaction; after a crash it takes the place of the segments it covers. */
export const SWAP_SUFFIX = '.swap'
/** Kafka's mark of a file that it deletes a minute later. */
export const DELETED_SUFFIX = '.deleted'

export const SIDE_SUFFIXES = [OFFSET_INDEX_SUFFIX, TIME_INDEX_SUFFIX, TRANSACTION_INDEX_SUFFIX] as const
export const SEGMENT_SUFFIXES = [LOG_SUFFIX, ...SIDE_SUFFIXES] as const

const OFFSET_DIGITS = 20

/** `00000000000000000042.log`: padded, so that a sorted listing is in order of offsets. */
export function fileName(offset: number, suffix: string): string {
  return String(offset).padStart(OFFSET_DIGITS, '0') + suffix
}

/** The offset and suffix of a name that `fileName` could have made; undefined for any other name. */
export function parseFileName(name: string): { offset: number; suffix: string } | undefined {
  const digits = name.slice(0, OFFSET_DIGITS)
  if (!/^\d{20}$/.test(digits) || name[OFFSET_DIGITS] !== '.') return undefined
  return { offset: Number(digits), suffix: name.slice(OFFSET_DIGITS) }
}
