import type { Gap } from '../mirror/gap.ts'
import { GapLedger } from '../mirror/gap-ledger.ts'
import { askDaemon, type DaemonAddress, flowsOf } from './daemon-client.ts'
import { exitCode } from './exit-code.ts'
import { chooseFlow, readConfig, withFlow } from './flow-session.ts'
import { type Column, type Format, render } from './output.ts'

export interface GapsOptions extends DaemonAddress {
  readonly flow?: string
  readonly output: Format
}

interface Row extends Gap {
  readonly flow: string
}

const columns: readonly Column<Row>[] = [
  { title: 'FLOW', value: (row) => row.flow },
  { title: 'TOPIC', value: (row) => row.topic },
  { title: 'PARTITION', value: (row) => row.partition, right: true },
  { title: 'FROM', value: (row) => row.from, right: true },
  { title: 'TO', value: (row) => row.to, right: true },
  { title: 'REASON', value: (row) => row.reason },
  { title: 'ON THE TARGET', value: ({ downstream }) => downstream && `${downstream.from} to ${downstream.to}` },
  { title: 'SEEN', value: (row) => new Date(row.seenAt).toISOString() },
  { title: 'DONE', value: (row) => row.action },
]

/** The gap ledger: from the daemon, or with a file from the target. Exits 3 when there is an entry. */
export async function gaps(file: string | undefined, options: GapsOptions): Promise<number> {
  const rows = file === undefined ? await fromDaemon(options) : await fromTarget(file, options)
  process.stdout.write(render(rows, columns, options.output))
  return rows.length === 0 ? exitCode.ok : exitCode.notReady
}

async function fromDaemon(options: GapsOptions): Promise<Row[]> {
  const ofFlow = async (flow: string) => {
    const found = (await askDaemon(options, `/api/v1/flows/${encodeURIComponent(flow)}/gaps`)) as Gap[]
    return found.map((gap) => ({ flow, ...gap }))
  }
  return (await Promise.all((await flowsOf(options)).map(ofFlow))).flat()
}

async function fromTarget(file: string, options: GapsOptions): Promise<Row[]> {
  const config = readConfig(file)
  const jobs = options.flow === undefined ? config.mirrors : [chooseFlow(config, options.flow)]
  const rows: Row[] = []
  for (const job of jobs)
    await withFlow(file, config, job, async ({ platform, target, policy }) => {
      const ledger = new GapLedger(platform, target, policy.gapsTopic)
      await target.refresh()
      await ledger.refresh()
      rows.push(...ledger.entries().map((gap) => ({ flow: job.name, ...gap })))
    })
  return rows
}
