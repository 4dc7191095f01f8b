import test from 'ava'
import fc from 'fast-check'
import { fillChecksums, internetChecksum, parsePacket, verifyChecksums } from '../../../index.ts'
import { bytesOf, samples } from '../../support/sample.ts'

/** Adds word by word with an immediate carry, as RFC 1071 describes it. */
function naive(bytes: Uint8Array): number {
  let sum = 0
  for (let at = 0; at < bytes.length; at += 2) {
    sum += (bytes[at] ?? 0) * 256 + (bytes[at + 1] ?? 0)
    if (sum > 0xffff) sum -= 0xffff
  }
  return 0xffff - sum
}

test('the checksum is that of RFC 1071, for every length', (t) => {
  t.is(internetChecksum(Buffer.from('0001f203f4f5f6f7', 'hex')), 0x220d)
  t.is(internetChecksum(Buffer.alloc(0)), 0xffff)
  for (let length = 0; length < 300; length++) {
    const bytes = Buffer.from(Array.from({ length }, (_, at) => (at * 37 + length) & 0xff))
    t.is(internetChecksum(bytes), naive(bytes))
  }
  t.is(internetChecksum(Buffer.alloc(200_000, 0xff)), 0)
  t.is(internetChecksum(Buffer.from('f4f5f6f7', 'hex'), 0x0001 + 0xf203), 0x220d)
})

test('what is filled in is right, and one flipped bit is found', (t) => {
  fc.assert(
    fc.property(samples, fc.nat(), (sample, place) => {
      const bytes = bytesOf(sample)
      fillChecksums(bytes)
      const header = sample.version === 4 ? true : undefined
      t.deepEqual(verifyChecksums(bytes), { header, transport: true })
      const payload = parsePacket(bytes)?.payload.length ?? 0
      const bit = place % (8 * payload)
      const at = bytes.length - payload + (bit >> 3)
      bytes[at] = (bytes[at] ?? 0) ^ (1 << (bit & 7))
      // A flipped bit may also change the type of the header to one without a checksum.
      t.not(verifyChecksums(bytes).transport, true)
    }),
  )
})

const UDP4 = '4500 0020 0000 0000 4011 0000 0a080001 0a080002 0001 0002 000c'
const UDP6 =
  '6000 0000 000c 1140 fd000000000000000000000000000001 fd000000000000000000000000000002 0001 0002 000c'
const hex = (...parts: string[]) => Buffer.from(parts.join('').replaceAll(' ', ''), 'hex')

test('a header as books have it', (t) => {
  const header = hex('4500 0073 0000 4000 4011 b861 c0a8 0001 c0a8 00c7')
  t.deepEqual(verifyChecksums(Buffer.concat([header, Buffer.alloc(95)])), {
    header: true,
    transport: undefined,
  })
  header.writeUInt16BE(0, 10)
  t.is(internetChecksum(header), 0xb861)
})

test('a datagram without a checksum has none over IPv4, and a wrong one over IPv6', (t) => {
  t.is(verifyChecksums(hex(UDP4, '0000 68696a6b')).transport, undefined)
  t.is(verifyChecksums(hex(UDP6, '0000 68696a6b')).transport, false)
})

test('a checksum of zero is written as 0xffff by UDP', (t) => {
  for (const [start, at] of [
    [UDP4, 26],
    [UDP6, 46],
  ] as const) {
    const bytes = hex(start, '0000 0000 0000')
    fillChecksums(bytes)
    // The payload compensates the rest of the sum.
    bytes.writeUInt16BE(bytes.readUInt16BE(at), at + 2)
    fillChecksums(bytes)
    t.is(bytes.readUInt16BE(at), 0xffff)
    t.true(verifyChecksums(bytes).transport)
  }
})

test('of fragments, and of what has stations to visit, only the header is filled and verified', (t) => {
  const fragment = hex(UDP4, 'abcd 68696a6b')
  fragment.writeUInt16BE(0x2000, 6)
  fillChecksums(parsePacket(fragment) ?? fragment)
  t.is(fragment.readUInt16BE(26), 0xabcd)
  t.deepEqual(verifyChecksums(fragment), { header: true, transport: undefined })
  const routed = Buffer.concat([
    hex(UDP6).subarray(0, 40),
    hex('1100 0401 0000 0000 0001 0002 0008 abcd'),
  ])
  routed.writeUInt16BE(16, 4)
  routed[6] = 43
  fillChecksums(routed)
  t.is(routed.readUInt16BE(54), 0xabcd)
  t.deepEqual(verifyChecksums(routed), { header: undefined, transport: undefined })
})

test('bytes that are no packet are left alone, and what is no Uint8Array is refused', (t) => {
  const bytes = Buffer.alloc(40, 0x50)
  fillChecksums(bytes)
  t.deepEqual(bytes, Buffer.alloc(40, 0x50))
  t.deepEqual(verifyChecksums(bytes), { header: undefined, transport: undefined })
  t.throws(() => verifyChecksums('text' as never), { code: 'ERR_TUN_INVALID_ARGUMENT' })
})
