import { features, verifyChecksums } from '../../../index.ts'
import { BEHIND, NEAR, sendNumbers, tapIn, textOf, tunIn, withTun } from '../../support/device.ts'
import { withNamespace } from '../../support/namespace.ts'
import { hasTools, rootTest as test } from '../../support/skip.ts'

const QUEUE = { txQueueLength: 1000 }
const ETHERNET_BYTES = 14
const TURNS = 6
const SMALL = 40
const SEGMENTS = 5

/** Sends small datagrams followed by a GSO batch of long ones, several times. */
const MIXTURE = `
import socket
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
for turn in range(${TURNS}):
  s.setsockopt(socket.IPPROTO_UDP, 103, 0)
  for n in range(${SMALL}): s.sendto(b'%d.%d' % (turn, n), ('${BEHIND}', 9))
  s.setsockopt(socket.IPPROTO_UDP, 103, 1000)
  s.sendto(b''.join(b'%d' % n * 1000 for n in range(${SEGMENTS})), ('${BEHIND}', 9))`
const PAYLOADS = Array.from({ length: TURNS }, (_, turn) => [
  ...Array.from({ length: SMALL }, (_, n) => `${turn}.${n}`),
  ...Array.from({ length: SEGMENTS }, (_, n) => String(n).repeat(1000)),
]).flat()

test('packets that keep coming are read several at a time, unless that is not wanted', async (t) => {
  const { controls } = await features()
  for (const ioUring of [true, false]) {
    for (const offload of ['auto', false] as const) {
      const { tun, namespace } = await withTun(t, { ...QUEUE, ioUring, offload })
      await sendNumbers(namespace, 500)
      const seen: string[] = []
      for await (const packet of tun) if (seen.push(textOf(packet)) === 500) break
      t.deepEqual(
        seen,
        Array.from({ length: 500 }, (_, n) => String(n)),
      )
      const { read } = tun.stats()
      t.is(read.packets, 500)
      t.is(read.viaIoUring > 0, ioUring && controls?.ioUring === true)
    }
  }
})

for (const kind of ['TUN', 'TAP'] as const) {
  test(`super-packets among small ones come in order, of a ${kind} device`, async (t) => {
    if (!hasTools(t, 'python3')) return
    for (const ioUring of [true, false]) {
      const namespace = await withNamespace(t)
      const options = { addresses: [NEAR], ...QUEUE, ioUring }
      const device = await (kind === 'TUN'
        ? tunIn(t, namespace, options)
        : tapIn(t, namespace, options))
      if (kind === 'TAP') {
        const neighbor = ['lladdr', '02:00:00:00:00:02', 'dev', device.name]
        await namespace.run('ip', 'neighbor', 'add', BEHIND, ...neighbor)
      }
      await namespace.run('python3', '-c', MIXTURE)
      const seen: string[] = []
      for await (const frame of device) {
        const packet = kind === 'TUN' ? frame : frame.subarray(ETHERNET_BYTES)
        // The kernel's own IPv6 packets do not count.
        if (packet[0] !== 0x45) continue
        t.deepEqual(verifyChecksums(packet), { header: true, transport: true })
        if (seen.push(textOf(packet)) === PAYLOADS.length) break
      }
      t.deepEqual(seen, PAYLOADS)
    }
  })
}
