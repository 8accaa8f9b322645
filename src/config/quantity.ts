// Quantities with units. A bare number is refused: nobody can tell whether 30 means seconds or milliseconds.

const durations: Readonly<Record<string, number>> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 }

const sizes: Readonly<Record<string, number>> = {
  B: 1,
  kB: 1e3,
  KB: 1e3,
  MB: 1e6,
  GB: 1e9,
  TB: 1e12,
  KiB: 2 ** 10,
  MiB: 2 ** 20,
  GiB: 2 ** 30,
  TiB: 2 ** 40,
}

const bandwidths: Readonly<Record<string, number>> = { bit: 1, kbit: 1e3, Mbit: 1e6, Gbit: 1e9, Tbit: 1e12 }

export const durationForms = 'a number with a unit: 500ms, 30s, 5m, 2h, 7d'
export const sizeForms = 'a number with a unit: 512B, 64KiB, 1MiB, 10MB, 1GiB'

export const bandwidthForms = 'bits a second with a unit: 256kbit, 10Mbit, 1Gbit'

/** Milliseconds; undefined when the text is not a duration. */
export const parseDuration = (text: string): number | undefined => quantity(text, durations)

/** Bytes; undefined when the text is not a size. */
export const parseSize = (text: string): number | undefined => quantity(text, sizes)

/** Bits a second; undefined when the text is not a bandwidth. */
export const parseBandwidth = (text: string): number | undefined => quantity(text, bandwidths)

function quantity(text: string, units: Readonly<Record<string, number>>): number | undefined {
  const match = /^(\d+(?:\.\d+)?)([A-Za-z]+)$/.exec(text)
  if (!match || !Object.hasOwn(units, match[2]!)) return undefined
  const value = Number(match[1]) * units[match[2]!]!
  return Number.isSafeInteger(Math.round(value)) ? Math.round(value) : undefined
}
