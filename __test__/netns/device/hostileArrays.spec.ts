import { BatchError, type TunDevice } from '../../../index.ts'
import { tapIn, udpPacket, withTun } from '../../support/device.ts'
import { withNamespace } from '../../support/namespace.ts'
import { hasTools, rootTest as test } from '../../support/skip.ts'
import { frames, slowTap } from '../../support/slowTap.ts'

const INVALID = 'ERR_TUN_INVALID_ARGUMENT'

/** An array that claims more elements than it has. */
function ofLength(length: number): never {
  const array: Uint8Array[] = []
  array.length = length
  return array as never
}

/** An array whose element with that number is the result of a getter. */
function withGetter(index: number, get: () => unknown): Buffer[] {
  const packets = [udpPacket(9, 'a'), udpPacket(9, 'b'), udpPacket(9, 'c')]
  Object.defineProperty(packets, index, { get, configurable: true })
  return packets
}

test('a length that an array only claims allocates nothing', async (t) => {
  const { tun } = await withTun(t)
  for (const length of [2 ** 32 - 1, 2 ** 31, 65_537]) {
    await t.throwsAsync(tun.writeBatch(ofLength(length)), {
      code: INVALID,
      message: new RegExp(
        `^Invalid packets array: expected at most 65536 packets .* are ${length}$`,
        'u',
      ),
    })
  }
  await t.throwsAsync(tun.writeBatch(ofLength(65_536)), {
    code: INVALID,
    message: /^Invalid packet 0 undefined: expected a Uint8Array$/u,
  })
  await tun.writeBatch([])
})

test('a batch has at most 65536 packets, and 256 MiB', async (t) => {
  const { tun } = await withTun(t)
  const packet = udpPacket(9, 'x')
  await tun.writeBatch(Array.from({ length: 65_536 }, () => packet))
  await t.throwsAsync(tun.writeBatch(Array.from({ length: 65_537 }, () => packet)), {
    code: INVALID,
  })
  const offsets = new Uint32Array(65_538)
  await t.throwsAsync(tun.writePacked({ buffer: packet, offsets }), {
    code: INVALID,
    message: /^Invalid offsets object: expected at most 65536 packets/u,
  })
  // The same megabyte many times: 512 MiB would have to be copied if there were no room.
  const buffer = Buffer.alloc(2 ** 20)
  const overlapping = Uint32Array.from({ length: 1025 }, (_, n) => (n % 2) * buffer.length)
  await t.throwsAsync(tun.writePacked({ buffer, offsets: overlapping }), { code: INVALID })
  await t.throwsAsync(tun.writeBatch(Array.from({ length: 257 }, () => buffer)), {
    code: INVALID,
    message: /^Invalid packets array: expected .* 268435456 bytes together$/u,
  })
})

test('holes, proxies and what only looks like bytes are refused by name', async (t) => {
  const { tun } = await withTun(t)
  const packet = udpPacket(9, 'x')
  const holed = [packet, packet, packet]
  // eslint-disable-next-line @typescript-eslint/no-array-delete -- a hole is meant
  delete holed[1]
  const { proxy, revoke } = Proxy.revocable([packet], {})
  revoke()
  const cases: [packets: unknown, message: RegExp][] = [
    [holed, /^Invalid packet 1 undefined: expected a Uint8Array$/u],
    [new Proxy([packet], {}), /^Invalid packets array: expected one whose elements are plain/u],
    [proxy, /^Invalid packets object: expected /u],
    [[packet, new Proxy(packet, {})], /^Invalid packet 1 object: expected a Uint8Array$/u],
    [[Object.create(Uint8Array.prototype)], /^Invalid packet 0 object: expected a Uint8Array$/u],
    [[Symbol('packet')], /^Invalid packet 0 symbol/u],
    [[20n], /^Invalid packet 0 20/u],
    [null, /^Invalid packets null/u],
  ]
  for (const [packets, message] of cases)
    await t.throwsAsync(tun.writeBatch(packets as never), { code: INVALID, message })
  await t.throwsAsync(tun.write(new Proxy(packet, {})), {
    code: INVALID,
    message: /^Invalid packet /u,
  })
  const { written } = tun.stats()
  t.is(written.packets, 0, 'a batch that is refused is refused whole')
})

test('a getter that throws is the cause of the error', async (t) => {
  const { tun } = await withTun(t)
  const reason = new RangeError('no')
  for (const once of [true, false]) {
    let calls = 0
    const packets = withGetter(1, () => {
      if (once && calls++ > 0) return udpPacket(9, 'b')
      throw reason
    })
    const error = await t.throwsAsync(tun.writeBatch(packets), {
      code: INVALID,
      message: /^Invalid packets array: expected /u,
    })
    t.is(error.cause, reason)
  }
})

/** Takes the memory of a packet away. */
function transfer({ buffer }: Uint8Array): void {
  structuredClone(buffer, { transfer: [buffer as ArrayBuffer] })
}

test('a getter that transfers a packet, or shortens the array, makes nothing be read that is gone', async (t) => {
  const { tun } = await withTun(t, { offload: false })
  for (let round = 0; round < 50; round++) {
    const first = Buffer.from(new Uint8Array(udpPacket(9, 'a')).buffer)
    const packets = withGetter(2, () => {
      transfer(first)
      return udpPacket(9, 'c')
    })
    packets[0] = first
    const error = await t.throwsAsync(tun.writeBatch(packets), { instanceOf: BatchError })
    t.deepEqual(
      error.refused.map(({ index, error: { code } }) => [index, code]),
      [[0, INVALID]],
    )
    t.regex(error.message, /^Invalid packet 0 object: expected .* memory was not transferred$/u)
  }
  const shortened = withGetter(0, () => {
    shortened.length = 1
    return udpPacket(9, 'a')
  })
  await t.throwsAsync(tun.writeBatch(shortened), { code: INVALID, message: /^Invalid packet/u })
})

test('a getter may use the device, and close it', async (t) => {
  const { tun } = await withTun(t)
  const writing = withGetter(1, () => {
    t.true(tun.tryWrite(udpPacket(9, 'inside')))
    return udpPacket(9, 'b')
  })
  t.true(tun.tryWriteBatch(writing))
  t.is(tun.stats().written.packets, 4)
  const closing = withGetter(1, () => {
    void tun.close()
    return udpPacket(9, 'b')
  })
  await t.throwsAsync(tun.writeBatch(closing), { code: 'ERR_TUN_CLOSED' })
})

test('a packet that was transferred before it is written is refused by name', async (t) => {
  const { tun } = await withTun(t)
  const packet = Buffer.from(new Uint8Array(udpPacket(9, 'a')).buffer)
  transfer(packet)
  const message = /^Invalid packet object: expected a Uint8Array whose memory was not transferred$/u
  await t.throwsAsync(tun.write(packet), { code: INVALID, message })
  await t.throwsAsync(tun.writeSuperPacket({ data: packet, header: {} }), {
    code: INVALID,
    message: /^Invalid data object/u,
  })
  await t.throwsAsync(tun.write(Buffer.alloc(0)), { code: 'ERR_TUN_PACKET_REFUSED' })
})

test('a packet that is transferred while it waits for room is refused, and those behind it are written', async (t) => {
  if (!hasTools(t, 'tc', 'python3')) return
  const tap = await slowTap(t, await withNamespace(t))
  const waiting: Promise<void>[] = []
  while (waiting.length < 3) {
    const frame = Buffer.from(new Uint8Array(frames(1)[0] ?? []).buffer)
    if (tap.tryWrite(frame)) continue
    waiting.push(tap.write(frame))
    if (waiting.length === 2) transfer(frame)
  }
  const ends = await Promise.allSettled(waiting)
  t.deepEqual(
    ends.map((end) => (end.status === 'rejected' ? (end.reason as { code: string }).code : 'ok')),
    ['ok', INVALID, 'ok'],
  )
})

test('filters and stations are read from bounded arrays', async (t) => {
  const tap = await tapIn(t, await withNamespace(t))
  const holed = [{ code: 6, k: 0 }]
  holed.length = 3
  const cases: [call: () => Promise<void>, message: RegExp][] = [
    [
      () => tap.setFilter(ofLength(2 ** 32 - 1)),
      /^Invalid program array: expected an array of 1 to 4096/u,
    ],
    [() => tap.setFilter(holed), /^Invalid instruction 1 undefined: expected an object$/u],
    [() => tap.setMacFilter({ addresses: ofLength(2 ** 32 - 1) }), /^Invalid addresses array/u],
    [() => tap.setMacFilter({ addresses: ofLength(2) }), /^Invalid MAC address undefined/u],
  ]
  for (const [call, message] of cases) await t.throwsAsync(call, { code: INVALID, message })
})

const READERS: readonly [name: string, read: (tun: TunDevice, options: never) => unknown][] = [
  ['packets', (tun, options) => tun.packets(options)],
  ['batches', (tun, options) => tun.batches(options)],
  ['packedBatches', (tun, options) => tun.packedBatches(options)],
  ['streams', (tun, options) => tun.streams(options)],
  ['duplex', (tun, options) => tun.duplex(options)],
  ['write', (tun, options) => tun.write(udpPacket(9, 'x'), options)],
  ['writeBatch', (tun, options) => tun.writeBatch([], options)],
]

for (const [name, read] of READERS) {
  test(`${name} refuses options that are none`, async (t) => {
    const { tun } = await withTun(t)
    for (const options of [null, 5, 'x', Symbol('x')]) {
      // Writing rejects, all other calls throw.
      const call = new Promise((resolve) => {
        resolve(read(tun, options as never))
      })
      await t.throwsAsync(call, {
        code: INVALID,
        message: /^Invalid options .*: expected an object$/u,
      })
    }
    await t.throwsAsync(tun.read(null as never), {
      code: INVALID,
      message: /^Invalid options null/u,
    })
  })
}
