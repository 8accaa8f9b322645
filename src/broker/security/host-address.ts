const GROUPS = 8

/** An address as Java writes it, which is how access rules name hosts: IPv6 in all eight groups, IPv4 within IPv6 as IPv4. */
export function hostAddress(address: string): string {
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(address)
  if (mapped) return mapped[1]!
  if (!address.includes(':')) return address
  const [head, tail] = address.split('::').map((part) => (part === '' ? [] : part.split(':')))
  const zeros = tail === undefined ? [] : new Array<string>(GROUPS - head!.length - tail.length).fill('0')
  return [...head!, ...zeros, ...(tail ?? [])].map((group) => Number.parseInt(group, 16).toString(16)).join(':')
}

/** The raw address of a host as `hostAddress` writes it: 4 or 16 bytes. */
export function addressBytes(host: string): Buffer {
  const [address = host] = host.split('%')
  if (!address.includes(':')) return Buffer.from(address.split('.').map(Number))
  const groups = address.split(':').map((group) => Number.parseInt(group, 16))
  return Buffer.from(groups.flatMap((group) => [group >> 8, group & 0xff]))
}

/** The host of a raw address; undefined when it is none. */
export function hostOfBytes(bytes: Buffer): string | undefined {
  if (bytes.length === 4) return bytes.join('.')
  if (bytes.length !== 16) return undefined
  return Array.from({ length: 8 }, (_, group) => bytes.readUInt16BE(group * 2).toString(16)).join(':')
}
