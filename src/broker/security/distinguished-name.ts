// The subject of a certificate in the text that Kafka's principals and mapping rules know: RFC 2253, as Java's X500Principal.getName()
// writes it. Reads just as much DER as leads there.

const SEQUENCE = 0x30
const SET = 0x31
const OBJECT_ID = 0x06
const VERSION = 0xa0
const UTF8_STRING = 0x0c
const PRINTABLE_STRING = 0x13
const T61_STRING = 0x14
const IA5_STRING = 0x16
const UNIVERSAL_STRING = 0x1c
const BMP_STRING = 0x1e

/** Attributes that RFC 2253 has a name for; others stand as their object id and the DER of their value. */
const KEYWORDS: Readonly<Record<string, string>> = {
  '2.5.4.3': 'CN',
  '2.5.4.6': 'C',
  '2.5.4.7': 'L',
  '2.5.4.8': 'ST',
  '2.5.4.9': 'STREET',
  '2.5.4.10': 'O',
  '2.5.4.11': 'OU',
  '0.9.2342.19200300.100.1.1': 'UID',
  '0.9.2342.19200300.100.1.25': 'DC',
}

interface Element {
  readonly tag: number
  readonly content: Buffer
  /** With tag and length. */
  readonly whole: Buffer
}

/** Of a DER certificate: `CN=client,OU=Billing,O=Example,C=US`, the most particular first. Throws a RangeError when it is none. */
export function subjectOf(certificate: Buffer): string {
  const body = only(only(certificate, SEQUENCE).content, SEQUENCE)
  const fields = elements(body.content).filter(({ tag }) => tag !== VERSION)
  // serial number, signature algorithm, issuer, validity, subject
  const subject = fields[4]
  if (subject?.tag !== SEQUENCE) throw new RangeError('the certificate has no subject')
  const names = elements(subject.content).map((set) => relativeName(set))
  return names.reverse().join(',')
}

function relativeName(set: Element): string {
  if (set.tag !== SET) throw new RangeError('a name in the certificate is malformed')
  return elements(set.content)
    .map((pair) => {
      const [type, value] = elements(pair.content)
      if (type?.tag !== OBJECT_ID || !value) throw new RangeError('a name in the certificate is malformed')
      const id = objectId(type.content)
      const keyword = KEYWORDS[id]
      const text = keyword === undefined ? undefined : textOf(value)
      return text === undefined ? `${keyword ?? id}=#${value.whole.toString('hex')}` : `${keyword}=${escaped(text)}`
    })
    .join('+')
}

function textOf({ tag, content }: Element): string | undefined {
  switch (tag) {
    case UTF8_STRING:
      return content.toString('utf8')
    case PRINTABLE_STRING:
    case IA5_STRING:
    case T61_STRING:
      return content.toString('latin1')
    case BMP_STRING:
      return Buffer.from(content).swap16().toString('utf16le')
    case UNIVERSAL_STRING:
      return String.fromCodePoint(
        ...Array.from({ length: content.length / 4 }, (_, at) => content.readUInt32BE(at * 4)),
      )
    default:
      return undefined
  }
}

/** Java escapes more than RFC 2253 asks for: `=` and `#` anywhere, and every space at either end. */
function escaped(text: string): string {
  const marked = text.replaceAll(/[,=+<>#;"\\]/g, '\\$&').replaceAll('\0', '\\00')
  const leading = /^ */.exec(marked)![0].length
  if (leading === marked.length) return '\\ '.repeat(leading)
  const trailing = / *$/.exec(marked)![0].length
  return '\\ '.repeat(leading) + marked.slice(leading, marked.length - trailing) + '\\ '.repeat(trailing)
}

function objectId(bytes: Buffer): string {
  const parts: number[] = []
  let value = 0
  for (const byte of bytes) {
    value = value * 128 + (byte & 0x7f)
    if (byte & 0x80) continue
    parts.push(value)
    value = 0
  }
  const [head = 0, ...rest] = parts
  const root = Math.min(2, Math.floor(head / 40))
  return [root, head - root * 40, ...rest].join('.')
}

function only(bytes: Buffer, tag: number): Element {
  const element = elementAt(bytes, 0)
  if (element.tag !== tag) throw new RangeError('this is not a certificate')
  return element
}

function elements(bytes: Buffer): Element[] {
  const found: Element[] = []
  for (let at = 0; at < bytes.length; ) {
    const element = elementAt(bytes, at)
    found.push(element)
    at += element.whole.length
  }
  return found
}

function elementAt(bytes: Buffer, at: number): Element {
  const tag = bytes.readUInt8(at)
  const short = bytes.readUInt8(at + 1)
  const lengthBytes = short < 0x80 ? 0 : short & 0x7f
  const length = lengthBytes === 0 ? short : bytes.readUIntBE(at + 2, Math.min(lengthBytes, 6))
  const start = at + 2 + lengthBytes
  if (start + length > bytes.length) throw new RangeError('the certificate is cut short')
  return { tag, content: bytes.subarray(start, start + length), whole: bytes.subarray(at, start + length) }
}
