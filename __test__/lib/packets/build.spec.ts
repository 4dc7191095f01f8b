import test from 'ava'
import fc from 'fast-check'
import {
  TunError,
  buildArp,
  buildEthernet,
  buildIcmpEcho,
  buildTcp,
  buildUdp,
  parseFrame,
  parsePacket,
  verifyChecksums,
} from '../../../index.ts'

const V4 = { source: '10.0.0.2', destination: '10.0.0.1' } as const
const V6 = { source: 'fd00::2', destination: 'fd00::1' } as const
const PORTS = { sourcePort: 5353, destinationPort: 9 } as const

/** Packets that were created with struct.pack() of Python; their checksums were computed by a separate function. */
const VECTORS: readonly [title: string, built: () => Buffer, bytes: string][] = [
  [
    'UDP over IPv4',
    () => buildUdp({ ...V4, ...PORTS, payload: 'hello' }),
    '4500002100004000401126ca0a0000020a00000114e90009000d930d68656c6c6f',
  ],
  [
    'UDP over IPv4 with all fields of the header',
    () =>
      buildUdp({
        ...V4,
        sourcePort: 1,
        destinationPort: 2,
        hopLimit: 1,
        identification: 0x1234,
        dontFragment: false,
        dscp: 46,
        ecn: 1,
      }),
    '45b9001c12340000011192e20a0000020a000001000100020008ebd8',
  ],
  [
    'UDP whose checksum is zero, which is sent as ffff',
    () =>
      buildUdp({ ...V4, sourcePort: 1, destinationPort: 2, payload: Uint8Array.of(0xeb, 0xd4) }),
    '4500001e00004000401126cd0a0000020a00000100010002000affffebd4',
  ],
  [
    'UDP over IPv6',
    () =>
      buildUdp({
        ...V6,
        ...PORTS,
        payload: 'hello',
        hopLimit: 255,
        dscp: 10,
        ecn: 2,
        flowLabel: 0xabcde,
      }),
    '62aabcde000d11fffd000000000000000000000000000002fd00000000000000000000000000000114e90009000dad0b68656c6c6f',
  ],
  [
    'a SYN with an option',
    () =>
      buildTcp({
        ...V4,
        sourcePort: 40_000,
        destinationPort: 80,
        sequence: 0xffff_fffe,
        flags: ['SYN'],
        window: 64_240,
        options: Uint8Array.of(2, 4, 5, 0xb4),
      }),
    '4500002c00004000400626ca0a0000020a0000019c400050fffffffe000000006002faf0eca30000020405b4',
  ],
  [
    'TCP over IPv6 with a payload',
    () =>
      buildTcp({
        ...V6,
        sourcePort: 443,
        destinationPort: 50_000,
        sequence: 1,
        acknowledgment: 0x8000_0000,
        flags: 0x18,
        urgentPointer: 7,
        payload: 'data!',
      }),
    '6000000000190640fd000000000000000000000000000002fd00000000000000000000000000000101bbc35000000001800000005018ffff76ec00076461746121',
  ],
  [
    'an echo request of ICMP',
    () => buildIcmpEcho({ ...V4, identifier: 7, sequence: 9, payload: 'abc' }),
    '4500001f00004000400126dc0a0000020a0000010800338d00070009616263',
  ],
  [
    'an echo reply of ICMP',
    () => buildIcmpEcho({ ...V4, reply: true }),
    '4500001c00004000400126df0a0000020a0000010000ffff00000000',
  ],
  [
    'an echo request of ICMPv6',
    () => buildIcmpEcho({ ...V6, identifier: 7, sequence: 9, payload: 'abc' }),
    '60000000000b3a40fd000000000000000000000000000002fd000000000000000000000000000001' +
      '8000c14200070009616263',
  ],
  [
    'an echo reply of ICMPv6',
    () => buildIcmpEcho({ ...V6, reply: true, identifier: 65_535, sequence: 65_535 }),
    '6000000000083a40fd000000000000000000000000000002fd000000000000000000000000000001' +
      '810084b8ffffffff',
  ],
  [
    'an ARP request',
    () => buildArp({ senderMac: '02:00:00:00:00:02', senderIp: '10.0.0.2', targetIp: '10.0.0.1' }),
    'ffffffffffff02000000000208060001080006040001' +
      '0200000000020a000002' +
      '0000000000000a000001',
  ],
  [
    'an ARP reply in a tagged frame',
    () =>
      buildArp({
        operation: 'reply',
        senderMac: '02-00-00-00-00-02',
        senderIp: '10.0.0.2',
        targetMac: '02:00:00:00:00:01',
        targetIp: '10.0.0.1',
        vlanTags: [{ id: 7, type: 0x88a8, priority: 5, dropEligible: true }, { id: 4095 }],
      }),
    '02000000000102000000000288a8b00781000fff08060001080006040002' +
      '0200000000020a0000020200000000010a000001',
  ],
]

for (const [title, build, bytes] of VECTORS) {
  test(`${title} has the bytes of an independent implementation`, (t) => {
    t.is(build().toString('hex'), bytes)
  })
}

const u8 = fc.integer({ min: 0, max: 255 })
const u16 = fc.integer({ min: 0, max: 65_535 })
/** A word of an address that is not abbreviated. */
const word = fc.integer({ min: 1, max: 65_535 })
const u32 = fc.integer({ min: 0, max: 4_294_967_295 })
const mac = fc.uint8Array({ minLength: 6, maxLength: 6 }).map((bytes) =>
  Buffer.from(bytes)
    .toString('hex')
    .replaceAll(/..(?=.)/gu, '$&:'),
)

/** Fields that the headers of both families have. */
const shared = {
  hopLimit: u8,
  dscp: fc.integer({ min: 0, max: 63 }),
  ecn: fc.integer({ min: 0, max: 3 }),
  payload: fc.uint8Array({ maxLength: 100 }),
}
/** Headers of both families, whose addresses are in the form of RFC 5952. */
const headers = fc.oneof(
  fc.record({
    ...shared,
    source: fc.ipV4(),
    destination: fc.ipV4(),
    identification: u16,
    dontFragment: fc.boolean(),
  }),
  fc.record({
    ...shared,
    source: word.map((n) => `fd00::${n.toString(16)}`),
    destination: word.map((n) => `2001:db8::${n.toString(16)}`),
    flowLabel: fc.integer({ min: 0, max: 0xf_ffff }),
  }),
)
const own = fc.record({
  sourcePort: u16,
  destinationPort: u16,
  sequence: u32,
  acknowledgment: u32,
  flags: u8,
  window: u16,
  urgentPointer: u16,
  words: fc.integer({ min: 0, max: 10 }),
})

test('packets that were built are parsed again, and their checksums are right', (t) => {
  fc.assert(
    fc.property(headers, own, (header, { words, ...tcp }) => {
      const { sourcePort, destinationPort } = tcp
      const ports = { sourcePort, destinationPort }
      const options = new Uint8Array(words * 4).fill(1)
      const echo = { identifier: sourcePort, sequence: destinationPort }
      const { payload, ...fields } = header
      const built = {
        tcp: buildTcp({ ...header, ...tcp, options }),
        udp: buildUdp({ ...header, ...ports }),
        echo: buildIcmpEcho({ ...header, ...echo, reply: words > 5 }),
      }
      for (const [kind, bytes] of Object.entries(built)) {
        const packet = parsePacket(bytes)
        if (!packet) throw new Error(`${kind} is not read as a packet`)
        t.like(packet, fields)
        t.is(packet.totalBytes, bytes.length)
        const isV4 = packet.version === 4
        t.deepEqual(verifyChecksums(packet), { header: isV4 ? true : undefined, transport: true })
        const expected = { tcp, udp: ports, echo }[kind]
        const view = { tcp: packet.tcp, udp: packet.udp, echo: packet.icmp ?? packet.icmpv6 }[kind]
        t.like(view, expected ?? {})
        t.deepEqual(Buffer.from(view?.payload ?? []), Buffer.from(payload))
      }
      t.deepEqual(parsePacket(built.tcp)?.tcp?.options.length, options.length)
    }),
  )
})

test('a frame that is built is read back, with its tags and its packet', (t) => {
  const tags = fc.array(
    fc.record({
      id: fc.integer({ min: 0, max: 4095 }),
      type: fc.constantFrom(0x8100, 0x88a8, 0x9100),
      priority: fc.integer({ min: 0, max: 7 }),
      dropEligible: fc.boolean(),
    }),
    { maxLength: 8 },
  )
  fc.assert(
    fc.property(mac, mac, tags, headers, (source, destination, vlanTags, header) => {
      const payload = buildUdp({ ...header, ...PORTS })
      const frame = parseFrame(buildEthernet({ source, destination, vlanTags, payload }))
      t.like(frame, { source, destination, vlanTags })
      t.deepEqual(frame?.packet?.bytes, payload)
    }),
  )
})

test('the longest payload fits, and a longer one is refused with what fits', (t) => {
  const cases: [build: (payload: Uint8Array) => Buffer, most: number][] = [
    [(payload) => buildUdp({ ...V4, ...PORTS, payload }), 65_507],
    [(payload) => buildUdp({ ...V6, ...PORTS, payload }), 65_527],
    [(payload) => buildTcp({ ...V4, ...PORTS, options: new Uint8Array(40), payload }), 65_455],
    [(payload) => buildTcp({ ...V6, ...PORTS, payload }), 65_515],
    [(payload) => buildIcmpEcho({ ...V4, payload }), 65_507],
    [(payload) => buildIcmpEcho({ ...V6, payload }), 65_527],
  ]
  for (const [build, most] of cases) {
    t.true(verifyChecksums(build(new Uint8Array(most).fill(7))).transport)
    t.throws(() => build(new Uint8Array(most + 1)), {
      instanceOf: TunError,
      message: `Invalid payload ${most + 1}: expected at most ${most} bytes`,
    })
  }
})

const UDP = { ...V4, ...PORTS }
const ARP = { senderMac: '02:00:00:00:00:02', senderIp: '10.0.0.2', targetIp: '10.0.0.1' }
const FRAME = { source: '02:00:00:00:00:02', destination: '02:00:00:00:00:01', etherType: 0x88b5 }

/** Functions, wrong options, and the beginning of the message. */
const REFUSED: readonly [build: (options: never) => Buffer, options: unknown, message: RegExp][] = [
  [buildUdp, null, /^Invalid options null: expected an object/u],
  [buildUdp, {}, /^Invalid source undefined: expected an IPv4 or IPv6 address/u],
  [buildUdp, { ...UDP, source: 'localhost' }, /^Invalid source "localhost"/u],
  [buildUdp, { ...UDP, source: 'fe80::1%lo' }, /^Invalid source "fe80::1%lo"/u],
  [buildUdp, { ...UDP, source: ['10.0.0.1'] }, /^Invalid source array/u],
  [
    buildUdp,
    { ...UDP, destination: 'fd00::1' },
    /^Invalid destination "fd00::1": expected an IPv4/u,
  ],
  [
    buildUdp,
    { ...V6, ...PORTS, destination: '10.0.0.1' },
    /^Invalid destination "10.0.0.1": expected an IPv6/u,
  ],
  [buildUdp, { ...V4, destinationPort: 1 }, /^Invalid sourcePort undefined: .* 0 to 65535$/u],
  [buildUdp, { ...UDP, sourcePort: undefined }, /^Invalid sourcePort undefined/u],
  [
    buildUdp,
    { ...UDP, destinationPort: 70_000 },
    /^Invalid destinationPort 70000: .* 0 to 65535$/u,
  ],
  [buildUdp, { ...UDP, destinationPort: '9' }, /^Invalid destinationPort "9"/u],
  [buildUdp, { ...UDP, hopLimit: 256 }, /^Invalid hopLimit 256: expected .* 0 to 255$/u],
  [buildUdp, { ...UDP, hopLimit: 1.5 }, /^Invalid hopLimit 1\.5/u],
  [buildUdp, { ...UDP, dscp: 64 }, /^Invalid dscp 64/u],
  [buildUdp, { ...UDP, ecn: -1 }, /^Invalid ecn -1/u],
  [buildUdp, { ...UDP, dontFragment: 1 }, /^Invalid dontFragment 1/u],
  [buildUdp, { ...UDP, flowLabel: 1 }, /^Invalid flowLabel: expected none in an IPv4 packet/u],
  [buildUdp, { ...V6, ...PORTS, identification: 1 }, /^Invalid identification: .* an IPv6 packet/u],
  [buildUdp, { ...V6, ...PORTS, dontFragment: true }, /^Invalid dontFragment: .* an IPv6 packet/u],
  [
    buildUdp,
    { ...UDP, payload: [1, 2] },
    /^Invalid payload array: expected a Uint8Array or text$/u,
  ],
  [buildUdp, { ...UDP, payload: new ArrayBuffer(1) }, /^Invalid payload object/u],
  [buildUdp, { ...UDP, ttl: 3 }, /^Invalid property of options "ttl"/u],
  [buildUdp, { ...UDP, sorcePort: 3 }, /did you mean sourcePort\?$/u],
  [buildTcp, { ...UDP, flags: ['syn'] }, /^Invalid flags "syn": expected a list of FIN, SYN/u],
  [buildTcp, { ...UDP, flags: 256 }, /^Invalid flags 256/u],
  [buildTcp, { ...UDP, sequence: 2 ** 32 }, /^Invalid sequence 4294967296/u],
  [buildTcp, { ...UDP, options: new Uint8Array(3) }, /^Invalid options 3: expected 0 to 40 bytes/u],
  [buildTcp, { ...UDP, options: new Uint8Array(44) }, /^Invalid options 44/u],
  [buildIcmpEcho, { ...V4, reply: 'yes' }, /^Invalid reply "yes"/u],
  [buildIcmpEcho, { ...V4, identifier: 65_536 }, /^Invalid identifier 65536/u],
  [buildIcmpEcho, UDP, /^Invalid property of options "sourcePort"/u],
  [buildArp, { ...ARP, operation: 1 }, /^Invalid operation 1: expected "request" or "reply"$/u],
  [buildArp, { ...ARP, operation: 'reply' }, /^Invalid targetMac undefined/u],
  [buildArp, { ...ARP, targetIp: 'fd00::1' }, /^Invalid targetIp "fd00::1": expected an IPv4/u],
  [buildArp, { ...ARP, senderIp: undefined }, /^Invalid senderIp undefined/u],
  [buildArp, { ...ARP, senderMac: '02:00' }, /^Invalid senderMac "02:00": expected six bytes/u],
  [buildEthernet, { ...FRAME, source: undefined }, /^Invalid source undefined/u],
  [buildEthernet, { ...FRAME, etherType: undefined }, /^Invalid etherType undefined/u],
  [buildEthernet, { ...FRAME, etherType: 65_536 }, /^Invalid etherType 65536/u],
  [buildEthernet, { ...FRAME, vlanTags: [{}] }, /^Invalid id undefined: .* 0 to 4095$/u],
  [buildEthernet, { ...FRAME, vlanTags: [{ id: 4096 }] }, /^Invalid id 4096/u],
  [buildEthernet, { ...FRAME, vlanTags: [{ id: 1, type: 0x0800 }] }, /^Invalid type 2048/u],
  [
    buildEthernet,
    { ...FRAME, vlanTags: Array(9).fill({ id: 1 }) },
    /^Invalid vlanTags 9: expected at most 8/u,
  ],
  [buildEthernet, { ...FRAME, payload: new Uint8Array(65_536) }, /^Invalid payload 65536/u],
]

test('wrong options are refused by name', (t) => {
  for (const [build, options, message] of REFUSED) {
    const error = t.throws(() => build(options as never), { instanceOf: TunError, message })
    t.is(error.code, 'ERR_TUN_INVALID_ARGUMENT')
  }
})
