import { inspect } from 'node:util'
import test from 'ava'
import fc from 'fast-check'
import { parseFrame, parsePacket } from '../../../index.ts'

const hex = (text: string) => Buffer.from(text.replaceAll(/\s+/gu, ''), 'hex')

const UDP = hex('4500 001c 0001 4000 4011 0000 0a00 0001 0a00 0002 1f90 0035 0008 0000')
const SYN = hex(`6000 0000 0014 0640 fd00 0000 0000 0000 0000 0000 0000 0001
  fd00 0000 0000 0000 0000 0000 0000 0002 01bb d431 0000 0001 0000 0000 5012 0400 0000 0000`)
const PING = hex('4500 001c 0001 0000 4001 0000 0a00 0001 0a00 0002 0800 0000 0007 0009')
const UNREACHABLE = hex('4500 001c 0001 0000 4001 0000 0a00 0001 0a00 0002 0303 0000 0000 0000')
const FRAGMENT = hex('4500 001c 0009 2005 4011 0000 0a00 0001 0a00 0002 0000 0000 0000 0000')
const ARP = hex(`ffff ffff ffff 0200 0000 0001 8100 0007 0806
  0001 0800 06 04 0001 0200 0000 0001 0a08 0001 0000 0000 0000 0a08 0002`)

const IPV4 = {
  version: 4,
  source: '10.0.0.1',
  destination: '10.0.0.2',
  hopLimit: 64,
  totalBytes: 28,
}

const EXPECTED: readonly [title: string, view: unknown, fields: object][] = [
  [
    'UDP over IPv4',
    parsePacket(UDP),
    {
      ...IPV4,
      protocol: 17,
      dontFragment: true,
      udp: { sourcePort: 8080, destinationPort: 53, lengthBytes: 8, payloadBytes: 0 },
    },
  ],
  [
    'TCP over IPv6',
    parsePacket(SYN),
    {
      version: 6,
      source: 'fd00::1',
      destination: 'fd00::2',
      protocol: 6,
      hopLimit: 64,
      totalBytes: 60,
      flowLabel: 0,
      tcp: {
        sourcePort: 443,
        destinationPort: 54_321,
        flags: ['SYN', 'ACK'],
        sequence: 1,
        acknowledgment: 0,
        window: 1024,
        payloadBytes: 0,
      },
    },
  ],
  [
    'an echo request',
    parsePacket(PING),
    {
      ...IPV4,
      protocol: 1,
      dontFragment: false,
      icmp: { type: 8, code: 0, identifier: 7, sequence: 9, payloadBytes: 0 },
    },
  ],
  [
    'an ICMP error',
    parsePacket(UNREACHABLE),
    {
      ...IPV4,
      protocol: 1,
      dontFragment: false,
      icmp: { type: 3, code: 3, payloadBytes: 0 },
    },
  ],
  [
    'a fragment',
    parsePacket(FRAGMENT),
    {
      ...IPV4,
      protocol: 17,
      dontFragment: false,
      identification: 9,
      fragmentOffsetBytes: 40,
      moreFragments: true,
    },
  ],
  [
    'ARP in a tagged frame',
    parseFrame(ARP),
    {
      source: '02:00:00:00:00:01',
      destination: 'ff:ff:ff:ff:ff:ff',
      etherType: 0x0806,
      vlanTags: [{ type: 0x8100, id: 7, priority: 0, dropEligible: false }],
      payloadBytes: 28,
      arp: {
        operation: 1,
        senderMac: '02:00:00:00:00:01',
        senderIp: '10.8.0.1',
        targetMac: '00:00:00:00:00:00',
        targetIp: '10.8.0.2',
      },
    },
  ],
]

const FORM = { depth: null, breakLength: Number.POSITIVE_INFINITY, sorted: true }

for (const [title, view, fields] of EXPECTED) {
  test(`${title} is printed by its fields`, (t) => {
    t.deepEqual(JSON.parse(JSON.stringify(view)), fields)
    const printed = inspect(view, FORM)
    const name = (view as object).constructor.name
    const plain = inspect(fields, FORM)
    t.is(printed, `${name} ${plain}`)
  })
}

test('a view in an object is printed as deep as inspect() is asked for', (t) => {
  const packet = parsePacket(UDP)
  t.is(inspect({ a: { packet } }, { depth: 0 }), '{ a: [Object] }')
  t.is(inspect({ packet }, { depth: 0 }), '{ packet: [Ipv4Packet] }')
  t.regex(inspect(packet?.udp), /^UdpDatagram \{\n? +sourcePort: 8080,/u)
})

test('any bytes are printed and made JSON of without an error', (t) => {
  const shapes = fc.tuple(
    fc.constantFrom(0x45, 0x4f, 0x60),
    fc.uint8Array({ minLength: 40, maxLength: 120, size: 'max' }),
  )
  let packets = 0
  const look = ([first, bytes]: [number, Uint8Array]) => {
    bytes[0] = first
    const is6 = first === 0x60
    Buffer.from(bytes.buffer).writeUInt16BE(bytes.length - (is6 ? 40 : 0), is6 ? 4 : 2)
    for (const view of [parsePacket(bytes), parseFrame(bytes)]) {
      if (!view) continue
      packets++
      const text = JSON.stringify(view)
      t.is(JSON.stringify(JSON.parse(text)), text)
      t.true(inspect(view, { depth: 9 }).startsWith(view.constructor.name))
    }
  }
  fc.assert(fc.property(shapes, look), { numRuns: 2000 })
  t.true(packets > 2000)
})
