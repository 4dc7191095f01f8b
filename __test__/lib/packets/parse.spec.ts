import test from 'ava'
import fc from 'fast-check'
import {
  TunError,
  fillChecksums,
  parseFrame,
  parsePacket,
  verifyChecksums,
} from '../../../index.ts'
import { bytesOf, samples } from '../../support/sample.ts'

const hex = (text: string) => Buffer.from(text.replaceAll(/\s+/gu, ''), 'hex')

/** A query of DNS from 192.168.1.10 to 8.8.8.8. */
const DNS = hex(`4500 0039 1c46 4000 4011 0000 c0a8 010a 0808 0808
  d431 0035 0025 0000 1234 0100 0001 0000 0000 0000 0765 7861 6d70 6c65 0363 6f6d 0000 0100 01`)

test('the fields of a packet are those that it was made of', (t) => {
  fc.assert(
    fc.property(samples, (sample) => {
      const bytes = bytesOf(sample)
      const packet = parsePacket(Buffer.concat([bytes, Buffer.alloc(3)]))
      if (!packet) throw new Error('not seen as a packet')
      t.deepEqual(packet.bytes, bytes)
      t.deepEqual(packet.sourceBytes, Buffer.from(sample.source))
      t.deepEqual(packet.destinationBytes, Buffer.from(sample.destination))
      t.is(packet.dscp * 4 + packet.ecn, sample.trafficClass)
      t.is(packet.hopLimit, sample.hopLimit)
      if (packet.version === 4) t.is(packet.identification, sample.identification)
      else t.is(packet.flowLabel, sample.flowLabel)
      const found = { tcp: packet.tcp, udp: packet.udp, icmp: packet.icmp ?? packet.icmpv6 }
      for (const [kind, view] of Object.entries(found))
        t.is(view !== undefined, kind === sample.kind)
      t.deepEqual(found[sample.kind]?.payload, Buffer.from(sample.payload))
      const { tcp } = found
      if (tcp) {
        t.is(tcp.sequence, sample.sequence)
        t.is(tcp.acknowledgment, sample.acknowledgment)
        t.is(tcp.flags, sample.flags)
        t.is(tcp.window, sample.window)
        t.is(tcp.options.length, 4 * sample.tcpOptions)
      }
    }),
  )
})

test('whatever the bytes, looking at them does not throw', (t) => {
  const shapes = fc.record({
    bytes: fc.uint8Array({ minLength: 1, maxLength: 120, size: 'max' }),
    first: fc.constantFrom(0x45, 0x4f, 0x60),
    isSound: fc.boolean(),
  })
  let packets = 0
  const look = fc.property(shapes, ({ bytes, first, isSound }) => {
    bytes[0] = first
    // With a correct length, the inner headers are reached.
    if (isSound && bytes.length >= 40)
      Buffer.from(bytes.buffer).writeUInt16BE(
        first === 0x60 ? bytes.length - 40 : bytes.length,
        first === 0x60 ? 4 : 2,
      )
    everything(parseFrame(bytes) ?? {})
    const packet = parsePacket(bytes)
    if (!packet) return
    packets++
    everything(packet)
    fillChecksums(packet)
    const verdict = verifyChecksums(packet)
    if (verdict.header === false || verdict.transport === false) throw new Error('not filled')
  })
  fc.assert(look, { numRuns: 2000 })
  t.true(packets > 100)
})

/** Returns the values of all getters, including those of the transport header. */
function everything(view: object): Record<string, unknown> {
  const found: Record<string, unknown> = {}
  for (
    let level: unknown = view;
    level && level !== Object.prototype;
    level = Object.getPrototypeOf(level)
  )
    for (const key of Object.getOwnPropertyNames(level)) {
      const value: unknown = key === 'constructor' ? undefined : Reflect.get(view, key)
      found[key] =
        typeof value === 'object' && value !== null && 'bytes' in value ? everything(value) : value
    }
  return found
}

test('a datagram of IPv4 is read by its names', (t) => {
  const packet = parsePacket(DNS)
  t.like(packet, {
    version: 4,
    source: '192.168.1.10',
    destination: '8.8.8.8',
    protocol: 17,
    hopLimit: 64,
    headerBytes: 20,
    totalBytes: 57,
    identification: 0x1c46,
    isFragment: false,
    tcp: undefined,
    icmp: undefined,
    icmpv6: undefined,
  })
  t.like(packet, { dontFragment: true, moreFragments: false, fragmentOffsetBytes: 0 })
  t.like(packet?.udp, { sourcePort: 54_321, destinationPort: 53, lengthBytes: 37 })
  t.is(packet?.udp?.payload.length, 29)
  t.is(packet?.udp, packet?.udp)
})

test('what is set is in the bytes, and wrong values are refused by name', (t) => {
  const bytes = Buffer.from(DNS)
  const packet = parsePacket(bytes)
  if (!packet?.udp) return t.fail()
  packet.source = '10.0.0.7'
  packet.destination = '255.1.2.3'
  packet.hopLimit = 1
  packet.udp.sourcePort = 65_535
  packet.udp.destinationPort = 256
  t.is(bytes.toString('hex', 8, 24), '01110000' + '0a000007' + 'ff010203' + 'ffff0100')
  const error = t.throws(() => (packet.source = 'fd00::1'), { instanceOf: TunError })
  t.is(error.message, 'Invalid source "fd00::1": expected an IPv4 address, such as 10.0.0.1')
  t.throws(() => (packet.destination = '10.1'), { code: 'ERR_TUN_INVALID_ARGUMENT' })
  t.throws(() => parsePacket('text' as never), {
    message: /^Invalid packet "text": expected a Uint8Array/u,
  })
  t.throws(() => parseFrame(null as never), {
    message: /^Invalid frame null: expected a Uint8Array/u,
  })
})

/** Returns an IPv6 packet whose payload begins with that header. */
function ipv6(nextHeader: number, ...parts: string[]): Buffer {
  const payload = hex(parts.join(''))
  const header = hex(
    `60000000 0000 0040 fd000000000000000000000000000001 20010db8000000000000000000000002`,
  )
  header.writeUInt16BE(payload.length, 4)
  header[6] = nextHeader
  return Buffer.concat([header, payload])
}

const ECHO6 = '8000 0000 0001 0002 6869'

test('extension headers of IPv6 are walked through', (t) => {
  const chain = [
    '3c00 0100 0000 0000',
    '2b01 0104 0000 0000 0000 0000 0000 0000',
    '3a00 0000 0000 0000',
    ECHO6,
  ]
  const packet = parsePacket(ipv6(0, ...chain))
  t.like(packet, {
    source: 'fd00::1',
    destination: '2001:db8::2',
    nextHeader: 0,
    protocol: 58,
    headerBytes: 40 + 8 + 16 + 8,
    isRouted: false,
  })
  if (packet?.version !== 6) return t.fail()
  t.deepEqual(
    packet.extensionHeaders.map(({ type, bytes }) => [type, bytes.length]),
    [
      [0, 8],
      [60, 16],
      [43, 8],
    ],
  )
  t.like(packet.icmpv6, { type: 128, code: 0, identifier: 1, sequence: 2 })
  t.is(Buffer.from(packet.icmpv6?.payload ?? []).toString(), 'hi')
})

test('a header that is not whole, or not known, is the end of the way', (t) => {
  const cases: [bytes: Buffer, protocol: number, headerBytes: number][] = [
    [ipv6(0, '3a05 0100 0000 0000'), 0, 40],
    [ipv6(0, '3a00'), 0, 40],
    [ipv6(59), 59, 40],
    [ipv6(50, '00000001 00000002'), 50, 40],
    [ipv6(51, '3a01 0000 0000 0000 0000 0000', ECHO6), 58, 52],
  ]
  for (const [bytes, protocol, headerBytes] of cases)
    t.like(parsePacket(bytes), { protocol, headerBytes }, bytes.toString('hex'))
})

test('fragments have their place, and only the first has ports', (t) => {
  const datagram = '0001 0002 0400 0000 6869 6a6b 6c6d 6e6f'
  const first = parsePacket(ipv6(44, '1100 0001 0000 0007', datagram))
  t.like(first, {
    isFragment: true,
    moreFragments: true,
    fragmentOffsetBytes: 0,
    identification: 7,
  })
  t.like(first?.udp, { sourcePort: 1, lengthBytes: 1024 })
  const later = parsePacket(ipv6(44, '1100 0010 0000 0007', datagram))
  t.like(later, { isFragment: true, moreFragments: false, fragmentOffsetBytes: 16, protocol: 17 })
  t.is(later?.udp, undefined)
  const atomic = parsePacket(ipv6(44, '1100 0000 0000 0007', '0001 0002 0009 0000 68'))
  t.like(atomic, { isFragment: false, identification: 7 })
  t.is(atomic?.udp?.payload.length, 1)
  const bytes = Buffer.from(DNS)
  bytes.writeUInt16BE(0x2001, 6)
  t.like(parsePacket(bytes), {
    fragmentOffsetBytes: 8,
    moreFragments: true,
    dontFragment: false,
    udp: undefined,
  })
})

test('bytes that are no whole packet are none', (t) => {
  const bad = (change: (bytes: Buffer) => void) => {
    const bytes = Buffer.from(DNS)
    change(bytes)
    return bytes
  }
  const cases = [
    Buffer.alloc(0),
    hex('45'),
    DNS.subarray(0, 56),
    bad((bytes) => (bytes[0] = 0x55)),
    bad((bytes) => (bytes[0] = 0x44)),
    bad((bytes) => bytes.writeUInt16BE(19, 2)),
    bad((bytes) => (bytes[0] = 0x65)),
    ipv6(59).subarray(0, 39),
  ]
  for (const bytes of cases) t.is(parsePacket(bytes), undefined, bytes.toString('hex'))
  t.is(parsePacket(bad((bytes) => bytes.writeUInt16BE(38, 24)))?.udp, undefined)
})

const MACS = '0200 0000 0002 0200 0000 0001'

test('a frame shows its addresses, its tags and its packet without the padding', (t) => {
  const tagged = parseFrame(
    Buffer.concat([hex(`${MACS} 88a8 e064 8100 1fff 0800`), DNS, Buffer.alloc(9)]),
  )
  t.like(tagged, {
    destination: '02:00:00:00:00:02',
    source: '02:00:00:00:00:01',
    etherType: 0x0800,
    headerBytes: 22,
    isMulticast: false,
    isBroadcast: false,
    arp: undefined,
  })
  t.deepEqual(tagged?.vlanTags, [
    { type: 0x88a8, id: 100, priority: 7, dropEligible: false },
    { type: 0x8100, id: 4095, priority: 0, dropEligible: true },
  ])
  t.deepEqual(tagged?.packet?.bytes, DNS)
  t.is(parseFrame(Buffer.concat([hex(`${MACS} 86dd`), DNS]))?.packet, undefined)
  t.is(parseFrame(hex(`${MACS} 0026 0102`))?.etherType, 38)
  t.is(parseFrame(hex(MACS)), undefined)
  t.like(parseFrame(hex(`${MACS} 8100 00`)), { etherType: 0x8100, vlanTags: [] })
  t.like(parseFrame(hex('ffffffffffff 020000000001 0806')), {
    isBroadcast: true,
    isMulticast: true,
    arp: undefined,
  })
})

test('an ARP request is read and becomes its reply', (t) => {
  const bytes = hex(`ffff ffff ffff 0200 0000 0001 0806
    0001 0800 06 04 0001 0200 0000 0001 0a08 0001 0000 0000 0000 0a08 0002 0000 0000`)
  const frame = parseFrame(bytes)
  const arp = frame?.arp
  if (!frame || !arp) return t.fail()
  t.like(arp, {
    operation: 1,
    senderMac: '02:00:00:00:00:01',
    senderIp: '10.8.0.1',
    targetMac: '00:00:00:00:00:00',
    targetIp: '10.8.0.2',
  })
  t.is(arp.bytes.length, 28)
  frame.destination = frame.source
  frame.source = '02:00:00:00:00:02'
  arp.operation = 2
  arp.targetMac = arp.senderMac
  arp.targetIp = arp.senderIp
  arp.senderMac = '02:00:00:00:00:02'
  arp.senderIp = '10.8.0.2'
  t.is(
    bytes.toString('hex'),
    hex(`0200 0000 0001 0200 0000 0002 0806
      0001 0800 06 04 0002 0200 0000 0002 0a08 0002 0200 0000 0001 0a08 0001 0000 0000`).toString(
      'hex',
    ),
  )
})
