// `heliostat fault …`: faults on purpose in the clusters of a running `heliostat broker`, over its control address.
import type { FaultSpec } from '../broker/faults/fault.ts'
import { HeliostatError } from '../platform/errors.ts'
import type { FaultView } from '../server/control-api.ts'
import { type ControlOptions, callControl } from './control.ts'
import { exitCode } from './exit-code.ts'
import { type Column, type Format, render } from './output.ts'

export interface FaultAddOptions extends ControlOptions {
  readonly cluster?: string
  readonly api?: readonly string[]
  readonly topic?: string
  readonly partition?: number
  readonly client?: string
  readonly principal?: string
  readonly listener?: string
  readonly error?: string
  readonly drop?: string
  readonly close?: string
  readonly delay?: number
  readonly times?: number
  readonly skip?: number
  readonly probability?: number
}

const columns: readonly Column<FaultView>[] = [
  { title: 'FAULT', value: (fault) => fault.id },
  { title: 'CLUSTER', value: (fault) => fault.cluster },
  { title: 'MEETS', value: meets },
  { title: 'DOES', value: does },
  { title: 'HOW OFTEN', value: howOften },
  { title: 'HITS', value: (fault) => fault.hits, right: true },
]

export async function addFault(options: FaultAddOptions): Promise<number> {
  const { url, output, client, delay, ...rest } = options
  const fault = await callControl<FaultView>(url, 'POST', '/faults', { ...rest, clientId: client, delayMs: delay })
  show([fault], output)
  return exitCode.ok
}

export async function listFaults({ url, output }: ControlOptions): Promise<number> {
  show(await callControl<FaultView[]>(url, 'GET', '/faults'), output)
  return exitCode.ok
}

/** Shows the faults that are gone, with the hits that they had. */
export async function removeFaults(
  ids: readonly string[],
  { url, output, all }: ControlOptions & { all: boolean },
): Promise<number> {
  if (all === ids.length > 0) throw new HeliostatError('HEL_USAGE', 'name the faults to remove, or say --all')
  if (all) {
    show(await callControl<FaultView[]>(url, 'DELETE', '/faults'), output)
    return exitCode.ok
  }
  const removed: FaultView[] = []
  for (const id of ids) removed.push(await callControl<FaultView>(url, 'DELETE', `/faults/${encodeURIComponent(id)}`))
  show(removed, output)
  return exitCode.ok
}

function show(faults: readonly FaultView[], output: Format): void {
  process.stdout.write(render(faults, columns, output))
}

function meets({ api, topic, partition, clientId, principal, listener }: FaultSpec): string {
  const parts = [
    typeof api === 'string' ? api : api?.join(','),
    topic !== undefined && `topic ${topic}`,
    partition !== undefined && `partition ${partition}`,
    clientId !== undefined && `client ${clientId}`,
    principal !== undefined && `principal ${principal}`,
    listener !== undefined && `listener ${listener}`,
  ]
  return parts.filter(Boolean).join(' ') || 'anything'
}

function does({ error, drop, close, delayMs }: FaultSpec): string {
  const parts = [
    error,
    drop && `drops the ${drop}`,
    close && `closes ${close} carrying out`,
    delayMs !== undefined && `delays by ${delayMs} ms`,
  ]
  return parts.filter(Boolean).join(', ')
}

function howOften({ times, skip, probability, isSpent }: FaultView): string {
  const parts = [
    probability !== undefined && `with probability ${probability}`,
    times === undefined ? 'until removed' : `${times}×${isSpent ? ', done' : ''}`,
    skip !== undefined && `after ${skip}`,
  ]
  return parts.filter(Boolean).join(' ')
}
