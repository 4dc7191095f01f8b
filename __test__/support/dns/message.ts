import ipaddr from 'ipaddr.js'

/** An address record of a name. */
export interface AddressRecord {
  readonly address: string
  /** Time to live, seconds. */
  readonly ttl: number
}

/** The question of a DNS query (RFC 1035, 4.1). */
export interface Question {
  readonly id: number
  readonly name: string
  readonly type: 'A' | 'AAAA' | 'other'
  /** The bytes of the question. */
  readonly bytes: Buffer
}

/** Response codes (RFC 1035, 4.1.1). */
export const RCODE = { ok: 0, serverFailure: 2, nameError: 3 } as const

const HEADER_BYTES = 12
/** A response, recursion desired and available. */
const FLAGS = 0x8180
/** A pointer to the name of the question. */
const NAME_POINTER = 0xc00c
const CLASS_IN = 1
const TYPES = { A: 1, AAAA: 28 } as const

/** Reads a query with one question. */
export function readQuestion(query: Buffer): Question {
  const labels: string[] = []
  let at = HEADER_BYTES
  for (let length = query.readUInt8(at); length > 0; length = query.readUInt8(at)) {
    labels.push(query.toString('latin1', at + 1, at + 1 + length))
    at += 1 + length
  }
  const number = query.readUInt16BE(at + 1)
  const type = number === TYPES.A ? 'A' : number === TYPES.AAAA ? 'AAAA' : 'other'
  const bytes = query.subarray(HEADER_BYTES, at + 5)
  return { id: query.readUInt16BE(0), name: labels.join('.').toLowerCase(), type, bytes }
}

/** Returns the reply to a question. */
export function reply(
  { id, bytes }: Question,
  rcode: number,
  records: readonly AddressRecord[],
): Buffer {
  const header = Buffer.alloc(HEADER_BYTES)
  header.writeUInt16BE(id, 0)
  header.writeUInt16BE(FLAGS | rcode, 2)
  header.writeUInt16BE(1, 4)
  header.writeUInt16BE(records.length, 6)
  return Buffer.concat([header, bytes, ...records.map(answer)])
}

function answer({ address, ttl }: AddressRecord): Buffer {
  const data = Buffer.from(ipaddr.parse(address).toByteArray())
  const head = Buffer.alloc(12)
  head.writeUInt16BE(NAME_POINTER, 0)
  head.writeUInt16BE(data.length === 4 ? TYPES.A : TYPES.AAAA, 2)
  head.writeUInt16BE(CLASS_IN, 4)
  head.writeUInt32BE(ttl, 6)
  head.writeUInt16BE(data.length, 10)
  return Buffer.concat([head, data])
}
