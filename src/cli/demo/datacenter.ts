import { type Cluster, startCluster } from '../../broker/cluster.ts'
import { memoryDisk } from '../../platform/memory-disk.ts'
import type { Platform } from '../../platform/platform.ts'

/** A cluster that can be cut off from everybody, and come back at the same address with what it had. */
export class Datacenter {
  readonly name: string
  readonly #platform: Platform
  #cluster: Cluster | undefined
  #bootstrap = ''

  constructor(platform: Platform, name: string) {
    this.name = name
    // Its disk outlives its broker, as a machine's would.
    this.#platform = { ...platform, disk: memoryDisk() }
  }

  get bootstrap(): string {
    return this.#bootstrap
  }

  get isUp(): boolean {
    return this.#cluster !== undefined
  }

  async start(): Promise<void> {
    const port = this.#bootstrap === '' ? 0 : Number(this.#bootstrap.split(':')[1])
    this.#cluster = await startCluster(this.#platform, { name: this.name, port, data: `/${this.name}` })
    this.#bootstrap = this.#cluster.bootstrap
  }

  async cutOff(): Promise<void> {
    const cluster = this.#cluster
    this.#cluster = undefined
    await cluster?.stop()
  }
}
