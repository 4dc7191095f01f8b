import { statSync } from 'node:fs'
import { linkOf, sendNumbers, tapIn, tunIn, withTun } from '../../support/device.ts'
import { untilLinks } from '../../support/gone.ts'
import { withNamespace } from '../../support/namespace.ts'
import { rootTest as test } from '../../support/skip.ts'

const IFF_PERSIST = 0x800

test('counters are those of the kernel and of the device, also of what nobody read', async (t) => {
  const { tun, namespace } = await withTun(t, { txQueueLength: 10 })
  await sendNumbers(namespace, 25)
  for (let n = 0; n < 10; n++) await tun.read()
  await tun.write(Buffer.from('4500001400000000400000000a0800020a080001', 'hex'))
  await t.throwsAsync(tun.write(Buffer.alloc(20)), { code: 'ERR_TUN_PACKET_REFUSED' })
  const { stats: link } = await tun.link()
  const { read, written } = tun.stats()
  t.like(link, { txDropped: 15, txPackets: 10, rxPackets: 1, rxBytes: 20 })
  // Ten numbers of one digit, each behind headers of 28 bytes.
  t.deepEqual(read, {
    packets: 10,
    bytes: 290,
    superPackets: 0,
    malformed: 0,
    viaIoUring: 0,
    errors: 0,
  })
  t.deepEqual(written, { packets: 1, bytes: 20, superPackets: 0, refused: 1 })
  await tun.close()
  t.deepEqual(tun.stats(), { read, written }, 'they stay after the end')
})

test('the carrier comes and goes', async (t) => {
  const { tun, namespace } = await withTun(t, { noCarrier: true })
  t.false((await tun.link()).carrier)
  await tun.setCarrier(true)
  t.true((await linkOf(namespace, tun.name)).flags.includes('LOWER_UP'))
  await tun.setCarrier(false)
  t.true((await linkOf(namespace, tun.name)).flags.includes('NO-CARRIER'))
})

test('owner, group and persistence are changed, and are numbers as given', async (t) => {
  const { tun, namespace } = await withTun(t)
  await tun.setOwner(54_321)
  await tun.setGroup(65_432)
  await tun.setPersistent(true)
  const { linkinfo } = await linkOf(namespace, tun.name)
  t.like(linkinfo.info_data, { user: 54_321, group: 65_432, persist: true })
  t.is((await tun.settings()).flags & IFF_PERSIST, IFF_PERSIST)
  await tun.setOwner('root')
  t.like((await linkOf(namespace, tun.name)).linkinfo.info_data, { user: 'root' })
  await t.throwsAsync(tun.setOwner('nobody-of-this-name'), { code: 'ERR_TUN_NOT_FOUND' })
  await tun.setPersistent(false)
  await tun.close()
  await untilLinks(t, namespace, [])
})

test('what the driver was told at opening, it tells again', async (t) => {
  const namespace = await withNamespace(t)
  const options = { sendBufferBytes: 54_321, vnetHeaderBytes: 12 }
  const tun = await tunIn(t, namespace, options)
  t.like(await tun.settings(), { ...options, name: tun.name, flags: tun.flags })
  const plain = await tunIn(t, namespace, { offload: false })
  t.like(await plain.settings(), { sendBufferBytes: 2_147_483_647, vnetHeaderBytes: 0 })
})

test('a device is found again that was renamed and moved to another namespace', async (t) => {
  const [here, there] = [await withNamespace(t), await withNamespace(t)]
  const tun = await tunIn(t, here, { name: 'here0', up: false })
  const inode = (name: string) => statSync(`/run/netns/${name}`).ino
  t.deepEqual(await tun.namespace(), { inode: inode(here.name), name: here.name, isCurrent: false })
  await here.run('ip', 'link', 'set', 'here0', 'netns', there.name, 'name', 'there0')
  t.deepEqual(await tun.namespace(), {
    inode: inode(there.name),
    name: there.name,
    isCurrent: false,
  })
  t.like(await tun.link(), { name: 'there0', kind: 'tun', up: false })
  t.like(await tun.settings(), { name: 'there0' })
})

test('what is called at once is done in order', async (t) => {
  const { tun } = await withTun(t)
  const calls = Array.from({ length: 20 }, (_, n) => tun.setCarrier(n % 2 === 1))
  const last = tun.link()
  await Promise.all(calls)
  t.true((await last).carrier)
})

test('a closed device is told, and what is no argument is refused with its name', async (t) => {
  const namespace = await withNamespace(t)
  const tap = await tapIn(t, namespace)
  const tun = await tunIn(t, namespace)
  const refusals: [call: () => Promise<unknown>, message: RegExp][] = [
    [() => tun.setCarrier(1 as never), /^Invalid carrier 1: expected true or false/u],
    [() => tun.setPersistent('yes' as never), /^Invalid persistent "yes"/u],
    [() => tun.setOwner(-1), /^Invalid user -1/u],
    [() => tun.setGroup('a b'), /^Invalid group "a b"/u],
    [() => tun.setEbpfFilter(-1), /^Invalid fd -1/u],
    [() => tun.setEbpfSteering('3' as never), /^Invalid fd "3"/u],
    [() => tun.detachQueue(1), /^Invalid queue 1: expected a whole number from 0 to 0/u],
    [() => tap.setMacFilter(null as never), /^Invalid filter null/u],
    [() => tap.setMacFilter({ addresses: ['x'] }), /^Invalid MAC address "x"/u],
    [() => tap.setFilter([]), /^Invalid program array: expected an array of 1 to 4096/u],
    [() => tap.setFilter([{ code: 6 }, { k: 1 } as never]), /^Invalid code of instruction 1/u],
  ]
  for (const [call, message] of refusals)
    await t.throwsAsync(call, { code: 'ERR_TUN_INVALID_ARGUMENT', message })
  await tun.close()
  const calls = [() => tun.link(), () => tun.settings(), () => tun.setCarrier(true)]
  for (const call of calls)
    await t.throwsAsync(call, { code: 'ERR_TUN_CLOSED', message: /open it again/u })
})

test('on a device that was deleted every call tells of that', async (t) => {
  const { tun, namespace } = await withTun(t)
  await namespace.run('ip', 'link', 'delete', tun.name)
  const calls = [() => tun.link(), () => tun.settings(), () => tun.setCarrier(true)]
  for (const call of calls) await t.throwsAsync(call, { code: 'ERR_TUN_DEVICE_DELETED' })
})
