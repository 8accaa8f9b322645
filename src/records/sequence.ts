// The sequences by which a broker knows batches of a producer again.
const SEQUENCES = 2 ** 31

/** They count its records, run from 0 to 2^31 − 1 and then from 0 again. An increment may be negative. */
export function incrementSequence(sequence: number, increment: number): number {
  return (((sequence + increment) % SEQUENCES) + SEQUENCES) % SEQUENCES
}
