import { readlinkSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { type TunDevice, TunError } from '../../../index.ts'
import { tapIn, udpPacket, withTun } from '../../support/device.ts'
import { withNamespace } from '../../support/namespace.ts'
import { frames, slowTap } from '../../support/slowTap.ts'
import { hasTools, rootTest as test } from '../../support/skip.ts'
import { Traffic } from '../../support/traffic.ts'

/** Returns packets one after the other in one buffer. */
function pack(packets: readonly Uint8Array[]) {
  const offsets = new Uint32Array(packets.length + 1)
  for (const [n, packet] of packets.entries()) offsets[n + 1] = (offsets[n] ?? 0) + packet.length
  return { buffer: Buffer.concat(packets), offsets }
}

const GOOD = udpPacket(9, 'x')
const BAD = Buffer.of(0)

test('write() gives one promise for all that is written at once, and never throws', async (t) => {
  const { tun, namespace } = await withTun(t)
  const done = tun.write(GOOD)
  t.true(done instanceof Promise)
  t.is(tun.writeBatch([GOOD]), done)
  t.is(tun.writePacked(pack([GOOD])), done)
  await done
  const refusals = [
    tun.write(BAD),
    tun.writeBatch([BAD]),
    tun.writePacked(pack([BAD])),
    tun.writeSuperPacket({ data: BAD, header: {} }),
  ]
  for (const refused of refusals)
    await t.throwsAsync(refused, { instanceOf: TunError, code: 'ERR_TUN_PACKET_REFUSED' })
  await namespace.run('ip', 'link', 'set', tun.name, 'down')
  await t.throwsAsync(tun.write(GOOD), { code: 'ERR_TUN_INTERFACE_DOWN' })
})

test('tryWrite() tells whether a packet was written, and throws for arguments only', async (t) => {
  const { tun, namespace } = await withTun(t)
  const receiver = new Traffic(t, namespace, 'udpReceive', '10.8.0.1', '4')
  const port = Number(await receiver.port())
  const packet = (text: string) => udpPacket(port, text)
  t.true(tun.tryWrite(packet('a')))
  t.false(tun.tryWrite(BAD))
  t.false(tun.tryWriteBatch([BAD, packet('b'), BAD]))
  t.true(tun.tryWriteBatch([packet('c')]))
  t.false(tun.tryWritePacked(pack([packet('d'), BAD])))
  t.true(tun.tryWritePacked(pack([])))
  t.is(Buffer.from((await receiver.next()).hex ?? '', 'hex').toString(), 'abcd')
  t.like(tun.stats().written, { packets: 4, refused: 4 })
  const wrong: [call: () => boolean, message: RegExp][] = [
    [() => tun.tryWrite('x' as never), /^Invalid packet "x": expected a Uint8Array/u],
    [() => tun.tryWriteBatch([7 as never]), /^Invalid packet 0 7/u],
    [() => tun.tryWriteBatch(null as never), /^Invalid packets null/u],
    [() => tun.tryWritePacked(null as never), /^Invalid offsets undefined/u],
  ]
  const code = 'ERR_TUN_INVALID_ARGUMENT'
  for (const [call, message] of wrong) t.throws(call, { code, message })
  await namespace.run('ip', 'link', 'set', tun.name, 'down')
  t.false(tun.tryWrite(GOOD))
  await namespace.run('ip', 'link', 'delete', tun.name)
  t.false(tun.tryWrite(GOOD))
  await tun.close()
  t.deepEqual(
    [tun.tryWrite(GOOD), tun.tryWriteBatch([GOOD]), tun.tryWritePacked(pack([GOOD]))],
    [false, false, false],
  )
  for (const [call, message] of wrong) t.throws(call, { code, message })
})

test('without room nothing waits: a batch is dropped behind what was taken, and counted', async (t) => {
  if (!hasTools(t, 'tc')) return
  const tap = await slowTap(t, await withNamespace(t), '1kbit')
  const all = frames(20)
  t.false(tap.tryWriteBatch(all))
  const { packets, refused } = tap.stats().written
  t.true(packets > 0)
  t.is(packets + refused, all.length)
  t.false(tap.tryWrite(all[0] ?? BAD))
  t.is(tap.stats().written.refused, refused, 'one that waits for room is not refused')
  // Packets that wait behind write() are not overtaken.
  const waiting = t.throwsAsync(tap.write(all[0] ?? BAD), { code: 'ERR_TUN_CLOSED' })
  t.false(tap.tryWriteBatch([all[1] ?? BAD]))
  t.false(tap.tryWritePacked(pack([all[1] ?? BAD])))
  t.throws(() => tap.tryWrite(7 as never), { message: /^Invalid packet 7/u })
  await tap.close()
  await waiting
})

test('a device is closed by its signal, and frees what waits on it', async (t) => {
  const controller = new AbortController()
  const { tun } = await withTun(t, { signal: controller.signal })
  const reading = tun.read()
  const ends: string[] = []
  void tun.closed.then(() => ends.push('closed'))
  t.false(tun.isClosed)
  const { fd } = tun
  t.is(readlinkSync(`/proc/self/fd/${fd}`), '/dev/net/tun')
  controller.abort(new Error('enough'))
  t.true(tun.isClosed)
  t.is(await reading, undefined)
  await tun.closed
  t.deepEqual(ends, ['closed'])
  t.is(tun.fd, undefined)
  await t.throwsAsync(tun.write(GOOD), { code: 'ERR_TUN_CLOSED' })
})

test('using and await using close a device', async (t) => {
  const namespace = await withNamespace(t)
  let device: TunDevice | undefined
  {
    const { tun } = await withTun(t)
    using one = tun
    device = one
  }
  t.true(device.isClosed)
  {
    await using tap = await tapIn(t, namespace)
    t.regex(await namespace.run('ip', '-br', 'link'), /^tap0 /mu)
    t.false(tap.isClosed)
  }
  await sleep(50)
  t.notRegex(await namespace.run('ip', '-br', 'link'), /^tap0 /mu)
})
