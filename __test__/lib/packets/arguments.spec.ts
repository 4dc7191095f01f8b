import test, { type ExecutionContext } from 'ava'
import {
  Ipv4Packet,
  fillChecksums,
  internetChecksum,
  parseFrame,
  parsePacket,
  verifyChecksums,
} from '../../../index.ts'

const INVALID = 'ERR_TUN_INVALID_ARGUMENT'
const LOOKALIKES: readonly unknown[] = [
  null,
  undefined,
  5,
  5n,
  'text',
  Symbol('x'),
  [1, 2],
  new ArrayBuffer(20),
  new Proxy(new Uint8Array(20), {}),
  Object.create(Uint8Array.prototype),
]

const FUNCTIONS: readonly [name: string, call: (bytes: never) => unknown, what: string][] = [
  ['internetChecksum', internetChecksum, 'bytes'],
  ['fillChecksums', fillChecksums, 'packet'],
  ['verifyChecksums', verifyChecksums, 'packet'],
  ['parsePacket', parsePacket, 'packet'],
  ['parseFrame', parseFrame, 'frame'],
]

for (const [name, call, what] of FUNCTIONS) {
  test(`${name}() names the argument that is not bytes`, (t) => {
    const message = new RegExp(`^Invalid ${what} .*: expected a Uint8Array$`, 'u')
    for (const bytes of LOOKALIKES) t.throws(() => call(bytes as never), { code: INVALID, message })
  })
}

const NUMBERS: readonly unknown[] = [Symbol('x'), 5n, null, '5', 1.5, -1, Number.NaN, Infinity, {}]

test('internetChecksum() begins with a whole number', (t) => {
  for (const initial of NUMBERS) {
    t.throws(() => internetChecksum(new Uint8Array(2), initial as never), {
      code: INVALID,
      message: /^Invalid initial .*: expected a whole number from 0 to 4294967295$/u,
    })
  }
  t.is(internetChecksum(Uint8Array.of(0, 1), 0xffff_ffff), 0xfffe)
})

/** An echo request over IPv4, a datagram over IPv6, and an ARP request. */
const echo = Buffer.from(
  '4500001c000000004001000a0a0000010a00000208000000000100020000'.slice(0, 56),
  'hex',
)
const datagram = Buffer.from(`6000000000081140${'00'.repeat(32)}0001000200080000`, 'hex')
const request = Buffer.from(
  `${'ff'.repeat(6)}02000000000108060001080006040001${'00'.repeat(20)}`,
  'hex',
)

function refusesNumbers(t: ExecutionContext, view: object, field: string, highest: number): void {
  const expected = `a whole number from 0 to ${highest}`
  const message = new RegExp(`^Invalid ${field} .*: expected ${expected}$`, 'u')
  for (const value of [...NUMBERS, highest + 1])
    t.throws(() => Reflect.set(view, field, value), { code: INVALID, message })
}

test('fields are set to whole numbers and addresses only', (t) => {
  const [icmp, udp, arp] = [parsePacket(echo), parsePacket(datagram), parseFrame(request)?.arp]
  const message = icmp instanceof Ipv4Packet ? icmp.icmp : undefined
  const fields: [view: object | undefined, field: string, highest: number][] = [
    [icmp, 'hopLimit', 255],
    [udp, 'hopLimit', 255],
    [message, 'type', 255],
    [message, 'identifier', 65_535],
    [udp?.udp, 'sourcePort', 65_535],
    [udp?.udp, 'destinationPort', 65_535],
    [arp, 'operation', 65_535],
  ]
  for (const [view, field, highest] of fields) {
    t.true(view !== undefined && Reflect.set(view, field, highest), field)
    t.is(view && Reflect.get(view, field), highest)
    refusesNumbers(t, view ?? {}, field, highest)
  }
})

test('fields are set to addresses of their family only', (t) => {
  const [icmp, udp, frame] = [parsePacket(echo), parsePacket(datagram), parseFrame(request)]
  const arp = frame?.arp
  const [ipv4, ipv6] = ['an IPv4 address, such as 10.0.0.1', 'an IPv6 address, such as fd00::1']
  const mac = 'six bytes in hexadecimal, such as 02:00:00:00:00:01'
  const addresses: [view: object | undefined, field: string, expected: string][] = [
    [icmp, 'source', ipv4],
    [icmp, 'destination', ipv4],
    [udp, 'source', ipv6],
    [udp, 'destination', ipv6],
    [arp, 'senderIp', ipv4],
    [arp, 'targetIp', ipv4],
    [arp, 'senderMac', mac],
    [arp, 'targetMac', mac],
    [frame, 'source', mac],
    [frame, 'destination', mac],
  ]
  for (const [view, field, expected] of addresses) {
    const other = expected === ipv4 ? 'fd00::1' : '10.0.0.1'
    const before = JSON.stringify(view)
    for (const value of [Symbol('x'), 5n, null, undefined, '', 'a', 'fe80::1%lo', other]) {
      const error = t.throws(() => Reflect.set(view ?? {}, field, value), { code: INVALID })
      t.true(error.message.startsWith(`Invalid ${field} `), error.message)
      t.true(error.message.endsWith(`: expected ${expected}`), error.message)
    }
    t.is(JSON.stringify(view), before)
  }
})

test('no setter of a view goes without these checks', (t) => {
  const views: [view: object | undefined, setters: string[]][] = [
    [parsePacket(echo), ['destination', 'hopLimit', 'source']],
    [parsePacket(datagram), ['destination', 'hopLimit', 'source']],
    [parsePacket(echo)?.icmp, ['identifier', 'type']],
    [parsePacket(datagram)?.udp, ['destinationPort', 'sourcePort']],
    [parseFrame(request), ['destination', 'source']],
    [parseFrame(request)?.arp, ['operation', 'senderIp', 'senderMac', 'targetIp', 'targetMac']],
  ]
  for (const [view, setters] of views) t.deepEqual(settersOf(view), setters)
})

/** Returns the names of the properties that can be set, those of the parent classes included. */
function settersOf(view: object | undefined): string[] {
  const found: string[] = []
  for (let level: unknown = view; level; level = Object.getPrototypeOf(level)) {
    if (level === Object.prototype) break
    for (const name of Object.getOwnPropertyNames(level)) {
      const isSettable = Object.getOwnPropertyDescriptor(level, name)?.set !== undefined
      if (isSettable) found.push(name)
    }
  }
  return found.sort()
}
