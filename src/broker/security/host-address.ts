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
