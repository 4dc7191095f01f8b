import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test, { type ExecutionContext } from 'ava'
import fc from 'fast-check'
import {
  type EthernetFrame,
  type Ipv4Packet,
  type Ipv6Packet,
  fillChecksums,
  parseFrame,
} from '../../../index.ts'
import { bytesOf, samples } from '../../support/sample.ts'
import { hasTools } from '../../support/skip.ts'

const LINKTYPE_ETHERNET = 1

/** Returns a capture file in the format of pcap(5). */
function captureOf(frames: readonly Uint8Array[]): Buffer {
  const header = Buffer.alloc(24)
  header.writeUInt32LE(0xa1b2c3d4, 0)
  header.writeUInt16LE(2, 4)
  header.writeUInt16LE(4, 6)
  header.writeUInt32LE(65_535, 16)
  header.writeUInt32LE(LINKTYPE_ETHERNET, 20)
  const records = frames.flatMap((frame) => {
    const record = Buffer.alloc(16)
    record.writeUInt32LE(frame.length, 8)
    record.writeUInt32LE(frame.length, 12)
    return [record, frame]
  })
  return Buffer.concat([header, ...records])
}

/** The names of a field in tshark and here; tshark may print numbers in hexadecimal. */
type Fields = readonly (readonly [
  name: string,
  value: (packet: Ipv4Packet | Ipv6Packet, frame: EthernetFrame) => string | number | undefined,
])[]

const v4 =
  <T>(read: (packet: Ipv4Packet) => T) =>
  (packet: Ipv4Packet | Ipv6Packet) =>
    packet.version === 4 ? read(packet) : undefined
const v6 =
  <T>(read: (packet: Ipv6Packet) => T) =>
  (packet: Ipv4Packet | Ipv6Packet) =>
    packet.version === 6 ? read(packet) : undefined

const FIELDS: Fields = [
  ['eth.src', (_, frame) => frame.source],
  ['eth.dst', (_, frame) => frame.destination],
  ['vlan.id', (_, frame) => frame.vlanTags[0]?.id],
  ['vlan.priority', (_, frame) => frame.vlanTags[0]?.priority],
  ['ip.src', v4((packet) => packet.source)],
  ['ip.dst', v4((packet) => packet.destination)],
  ['ip.hdr_len', v4((packet) => packet.headerBytes)],
  ['ip.len', v4((packet) => packet.totalBytes)],
  ['ip.id', v4((packet) => packet.identification)],
  ['ip.dsfield.dscp', v4((packet) => packet.dscp)],
  ['ip.dsfield.ecn', v4((packet) => packet.ecn)],
  ['ip.ttl', v4((packet) => packet.hopLimit)],
  ['ip.proto', v4((packet) => packet.protocol)],
  ['ip.checksum', v4((packet) => packet.checksum)],
  ['ip.checksum.status', v4(() => 1)],
  ['ipv6.src', v6((packet) => packet.source)],
  ['ipv6.dst', v6((packet) => packet.destination)],
  ['ipv6.nxt', v6((packet) => packet.nextHeader)],
  ['ipv6.hlim', v6((packet) => packet.hopLimit)],
  ['ipv6.flow', v6((packet) => packet.flowLabel)],
  ['ipv6.tclass.dscp', v6((packet) => packet.dscp)],
  ['ipv6.tclass.ecn', v6((packet) => packet.ecn)],
  ['ipv6.hopopts.len_oct', v6((packet) => packet.extensionHeaders[0]?.bytes.length)],
  ['tcp.srcport', ({ tcp }) => tcp?.sourcePort],
  ['tcp.dstport', ({ tcp }) => tcp?.destinationPort],
  ['tcp.seq_raw', ({ tcp }) => tcp?.sequence],
  ['tcp.ack_raw', ({ tcp }) => tcp?.acknowledgment],
  ['tcp.hdr_len', ({ tcp }) => tcp?.headerBytes],
  ['tcp.len', ({ tcp }) => tcp?.payload.length],
  ['tcp.flags', ({ tcp }) => tcp?.flags],
  ['tcp.window_size_value', ({ tcp }) => tcp?.window],
  ['tcp.checksum', ({ tcp }) => tcp?.checksum],
  ['tcp.checksum.status', ({ tcp }) => tcp && 1],
  ['udp.srcport', ({ udp }) => udp?.sourcePort],
  ['udp.dstport', ({ udp }) => udp?.destinationPort],
  ['udp.length', ({ udp }) => udp?.lengthBytes],
  ['udp.checksum', ({ udp }) => udp?.checksum],
  ['udp.checksum.status', ({ udp }) => udp && 1],
  ['icmp.type', ({ icmp }) => icmp?.type],
  ['icmp.checksum', ({ icmp }) => icmp?.checksum],
  ['icmp.checksum.status', ({ icmp }) => icmp && 1],
  ['icmp.ident', ({ icmp }) => icmp?.identifier],
  ['icmp.seq', ({ icmp }) => icmp?.sequence],
  ['icmpv6.type', ({ icmpv6 }) => icmpv6?.type],
  ['icmpv6.checksum', ({ icmpv6 }) => icmpv6?.checksum],
  ['icmpv6.checksum.status', ({ icmpv6 }) => icmpv6 && 1],
  ['icmpv6.echo.identifier', ({ icmpv6 }) => icmpv6?.identifier],
  ['icmpv6.echo.sequence_number', ({ icmpv6 }) => icmpv6?.sequence],
]

/** Returns the values that tshark reads in the fields of each frame. */
function dissect(t: ExecutionContext, frames: readonly Uint8Array[]): string[][] {
  const folder = mkdtempSync(join(tmpdir(), 'tun2udp-capture-'))
  t.teardown(() => {
    rmSync(folder, { recursive: true })
  })
  const file = join(folder, 'packets.pcap')
  writeFileSync(file, captureOf(frames))
  const verify = ['ip', 'tcp', 'udp'].flatMap((name) => ['-o', `${name}.check_checksum:TRUE`])
  const fields = FIELDS.flatMap(([name]) => ['-e', name])
  const format = ['-T', 'fields', '-E', 'occurrence=f', '-E', 'separator=/t']
  const options = { encoding: 'utf8', stdio: 'pipe' } as const
  const text = execFileSync('tshark', ['-r', file, '-n', ...verify, ...format, ...fields], options)
  return text
    .split('\n')
    .slice(0, -1)
    .map((line) => line.split('\t'))
}

function show(value: string | number | undefined): string {
  return value === undefined ? '' : String(value)
}

/** Converts numbers to decimal text, regardless of their notation. */
function plain(text: string | undefined): string {
  return text && /^(?:0x[\da-f]+|\d+)$/u.test(text) ? String(Number(text)) : (text ?? '')
}

test('packets at random are read as tshark reads them, and their checksums are right', (t) => {
  if (!hasTools(t, 'tshark')) return
  const frames = fc.sample(samples, 300).map((sample, n) => {
    const packet = bytesOf(sample)
    fillChecksums(packet)
    const tag = n % 3 === 0 ? [0x81, 0x00, (n % 8) << 5, n % 256] : []
    const type = sample.version === 4 ? [0x08, 0x00] : [0x86, 0xdd]
    const addresses = [2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1]
    return Buffer.from([...addresses, ...tag, ...type, ...packet])
  })
  const seen = dissect(t, frames)
  t.is(seen.length, frames.length)
  for (const [n, bytes] of frames.entries()) {
    const frame = parseFrame(bytes)
    const packet = frame?.packet
    if (!packet) return t.fail(bytes.toString('hex'))
    const names = FIELDS.map(([name]) => name)
    const theirs = names.map((name, at) => `${name} ${plain(seen[n]?.[at])}`)
    const ours = FIELDS.map(([name, read]) => `${name} ${show(read(packet, frame))}`)
    t.deepEqual(ours, theirs, bytes.toString('hex'))
  }
})
