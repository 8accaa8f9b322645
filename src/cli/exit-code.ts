/** How a command ends; the table stands in `--help` and in docs/operating.md. */
export const exitCode = {
  ok: 0,
  failed: 1,
  usage: 2,
  notReady: 3,
  unreachable: 4,
  /** EX_CONFIG of sysexits.h. */
  badConfig: 78,
} as const
