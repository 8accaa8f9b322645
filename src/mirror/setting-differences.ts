// What differs between two sets of settings: plain data, as JSON has it.

export interface SettingDifference {
  /** `topics.include`, `naming.rename.replace`. */
  readonly setting: string
  /** Undefined: not set. */
  readonly before: unknown
  readonly after: unknown
}

export function settingDifferences(before: unknown, after: unknown, at = ''): SettingDifference[] {
  if (isMapping(before) && isMapping(after)) {
    const keys = new Set([...Object.keys(before), ...Object.keys(after)])
    return [...keys].flatMap((key) => settingDifferences(before[key], after[key], at === '' ? key : `${at}.${key}`))
  }
  return JSON.stringify(before) === JSON.stringify(after) ? [] : [{ setting: at, before, after }]
}

/** `topics.include is ["a"] here and ["b"] there`, there being what was before. */
export function differenceText({ setting, before, after }: SettingDifference): string {
  return `${setting} is ${valueText(after)} here and ${valueText(before)} there`
}

const valueText = (value: unknown) => (value === undefined ? 'not set' : JSON.stringify(value))

function isMapping(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
