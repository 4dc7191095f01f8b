import fc from 'fast-check'

/** The fields of a random packet. */
export interface Sample {
  version: 4 | 6
  kind: 'tcp' | 'udp' | 'icmp'
  source: Uint8Array
  destination: Uint8Array
  /** Options of IPv4 (NOP), or a hop-by-hop header of IPv6: in units of 4 and 8 bytes. */
  options: number
  /** DSCP and ECN together. */
  trafficClass: number
  flowLabel: number
  identification: number
  hopLimit: number
  sourcePort: number
  destinationPort: number
  sequence: number
  acknowledgment: number
  flags: number
  window: number
  tcpOptions: number
  payload: Uint8Array
}

const uint8 = fc.integer({ min: 0, max: 255 })
const uint16 = fc.integer({ min: 0, max: 65_535 })
const uint32 = fc.integer({ min: 0, max: 4_294_967_295 })
const address = (length: number) => fc.uint8Array({ minLength: length, maxLength: length })

/** Random packets, whose checksums are zero. */
export const samples: fc.Arbitrary<Sample> = fc
  .constantFrom(4 as const, 6 as const)
  .chain((version) =>
    fc.record({
      version: fc.constant(version),
      kind: fc.constantFrom('tcp' as const, 'udp' as const, 'icmp' as const),
      source: address(version === 4 ? 4 : 16),
      destination: address(version === 4 ? 4 : 16),
      options: fc.integer({ min: 0, max: version === 4 ? 10 : 3 }),
      trafficClass: uint8,
      flowLabel: fc.integer({ min: 0, max: 0xf_ffff }),
      identification: uint16,
      hopLimit: uint8,
      // No dissector of Wireshark claims these ports.
      sourcePort: fc.integer({ min: 61_000, max: 62_000 }),
      destinationPort: fc.integer({ min: 61_000, max: 62_000 }),
      sequence: uint32,
      acknowledgment: uint32,
      flags: uint8,
      window: uint16,
      tcpOptions: fc.integer({ min: 0, max: 10 }),
      payload: fc.uint8Array({ maxLength: 64 }),
    }),
  )

/** Returns the bytes of a packet. */
export function bytesOf(sample: Sample): Buffer {
  const transport = transportOf(sample)
  return sample.version === 4 ? ipv4Of(sample, transport) : ipv6Of(sample, transport)
}

function transportOf(sample: Sample): Buffer {
  if (sample.kind === 'tcp') return tcpOf(sample)
  const header = Buffer.alloc(8)
  if (sample.kind === 'udp') {
    header.writeUInt16BE(sample.sourcePort, 0)
    header.writeUInt16BE(sample.destinationPort, 2)
    header.writeUInt16BE(8 + sample.payload.length, 4)
  } else {
    header.writeUInt8(sample.version === 4 ? 8 : 128, 0)
    header.writeUInt16BE(sample.sourcePort, 4)
    header.writeUInt16BE(sample.destinationPort, 6)
  }
  return Buffer.concat([header, sample.payload])
}

function tcpOf(sample: Sample): Buffer {
  const header = Buffer.alloc(20 + 4 * sample.tcpOptions, 1)
  header.writeUInt16BE(sample.sourcePort, 0)
  header.writeUInt16BE(sample.destinationPort, 2)
  header.writeUInt32BE(sample.sequence, 4)
  header.writeUInt32BE(sample.acknowledgment, 8)
  header.writeUInt16BE(((header.length / 4) << 12) | sample.flags, 12)
  header.writeUInt16BE(sample.window, 14)
  header.writeUInt32BE(0, 16)
  return Buffer.concat([header, sample.payload])
}

function ipv4Of(sample: Sample, transport: Buffer): Buffer {
  const header = Buffer.alloc(20 + 4 * sample.options, 1)
  header.writeUInt8(0x40 | (header.length / 4), 0)
  header.writeUInt8(sample.trafficClass, 1)
  header.writeUInt16BE(header.length + transport.length, 2)
  header.writeUInt16BE(sample.identification, 4)
  header.writeUInt16BE(0x4000, 6)
  header.writeUInt8(sample.hopLimit, 8)
  header.writeUInt8({ tcp: 6, udp: 17, icmp: 1 }[sample.kind], 9)
  header.writeUInt16BE(0, 10)
  header.set(sample.source, 12)
  header.set(sample.destination, 16)
  return Buffer.concat([header, transport])
}

function ipv6Of(sample: Sample, transport: Buffer): Buffer {
  const protocol = { tcp: 6, udp: 17, icmp: 58 }[sample.kind]
  const options = Buffer.alloc(8 * sample.options)
  if (options.length > 0) options.set([protocol, sample.options - 1, 1, options.length - 4])
  const header = Buffer.alloc(40)
  header.writeUInt32BE(6 * 0x1000_0000 + sample.trafficClass * 0x10_0000 + sample.flowLabel, 0)
  header.writeUInt16BE(options.length + transport.length, 4)
  header.writeUInt8(options.length > 0 ? 0 : protocol, 6)
  header.writeUInt8(sample.hopLimit, 7)
  header.set(sample.source, 8)
  header.set(sample.destination, 24)
  return Buffer.concat([header, options, transport])
}
