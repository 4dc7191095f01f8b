import { type TunError, createPersistent, openTap, openTun } from '../../../index.ts'
import { NEAR, tapIn, tunIn, udpPacket } from '../../support/device.ts'
import { type Namespace, withNamespace } from '../../support/namespace.ts'
import { asNobody } from '../../support/nobody.ts'
import { INDEX } from '../../support/script.ts'
import { hasTools, isOpenToOthers, rootTest as test } from '../../support/skip.ts'

/** Expects an error whose message contains these words, which the test then follows. */
async function refused(work: Promise<unknown>, code: string, words: RegExp): Promise<TunError> {
  const error = (await work.then(
    () => new Error('it was not refused'),
    (cause: unknown) => cause,
  )) as TunError
  if (error.code !== code || !words.test(error.message)) throw error
  return error
}

/** The command between quotes, or after `as root: `, in a message. */
function commandIn(message: string): string {
  const [, quoted, asRoot] = /"([^"]+)"|as root: ([^)]+)\)/u.exec(message) ?? []
  return quoted ?? asRoot ?? message
}

test('busy, existing and of another mode: choose another name', async (t) => {
  const namespace = await withNamespace(t)
  const { name: netns } = namespace
  await tunIn(t, namespace, { name: 'one0' })
  const busy = await refused(openTun({ netns, name: 'one0' }), 'ERR_TUN_BUSY', /another name/u)
  t.regex(busy.message, new RegExp(`process ${process.pid} `, 'u'))
  await tunIn(t, namespace, { name: 'two0' })
  await createPersistent({ netns, mode: 'tun', name: 'kept0' })
  const existing = openTun({ netns, name: 'kept0', create: 'always' })
  await refused(existing, 'ERR_TUN_EXISTS', /choose another name, or allow an existing interface/u)
  const kept = await tunIn(t, namespace, { name: 'kept0' })
  await kept.close()
  const mismatch = openTap({ netns, name: 'kept0' })
  await refused(mismatch, 'ERR_TUN_DEVICE_MISMATCH', /not a tap device .* choose another name/u)
  await tapIn(t, namespace, { name: 'three0' })
  const index = openTun({ netns, name: 'kept0', ifIndex: 9_000 })
  await refused(index, 'ERR_TUN_EXISTS', /index .* omit it/u)
  t.is((await tunIn(t, namespace, { name: 'kept0' })).name, 'kept0')
})

test('an interface that does not exist is created first', async (t) => {
  const namespace = await withNamespace(t)
  const options = { name: 'kept0', create: 'never' } as const
  const missing = openTun({ netns: namespace.name, ...options })
  await refused(missing, 'ERR_TUN_NOT_FOUND', /create it first, or allow a new interface/u)
  await createPersistent({ netns: namespace.name, mode: 'tun', name: 'kept0' })
  t.is((await tunIn(t, namespace, options)).name, 'kept0')
})

test('an address that the interface has with another prefix is given with that one', async (t) => {
  const namespace = await withNamespace(t)
  await createPersistent({ netns: namespace.name, mode: 'tun', name: 'kept0' })
  await namespace.run('ip', 'address', 'add', 'fd00::1/48', 'dev', 'kept0', 'nodad')
  const open = (address: string) =>
    openTun({ netns: namespace.name, name: 'kept0', addresses: [address] })
  await refused(open('fd00::1/64'), 'ERR_TUN_EXISTS', /prefix \/48; use that prefix, or delete/u)
  const first = await open('fd00::1/48')
  await first.close()
  await namespace.run('ip', 'address', 'delete', 'fd00::1/48', 'dev', 'kept0')
  const second = await open('fd00::1/64')
  await second.close()
  t.pass()
})

test('a write to an interface that is down: the command brings it up', async (t) => {
  const namespace = await withNamespace(t)
  const tun = await tunIn(t, namespace, { name: 'down0', addresses: [NEAR], up: false })
  const packet = udpPacket(9, 'x')
  const down = await refused(tun.write(packet), 'ERR_TUN_INTERFACE_DOWN', /bring it up/u)
  const [, command = ''] = /\((ip link[^)]+)\)/u.exec(down.message) ?? []
  await namespace.run(...command.replace('NAME', 'down0').split(' '))
  await tun.write(packet)
  t.is(tun.stats().written.packets, 1)
})

test('queues, headers and filters: open it with, attach one first, give one', async (t) => {
  const namespace = await withNamespace(t)
  const plain = await tapIn(t, namespace, { offload: false })
  const frame = { data: Buffer.alloc(60), header: {} }
  const whole = plain.writeSuperPacket(frame)
  await refused(whole, 'ERR_TUN_UNSUPPORTED', /open it with offload or vnetHeaderBytes/u)
  await (await tapIn(t, namespace, { offload: ['tso'] })).writeSuperPacket(frame)
  await (await tapIn(t, namespace, { offload: false, vnetHeaderBytes: 10 })).writeSuperPacket(frame)
  const detach = plain.detachQueue()
  await refused(detach, 'ERR_TUN_UNSUPPORTED', /open it with several queues, or with multiQueue/u)
  const several = await tapIn(t, namespace, { multiQueue: true })
  await several.detachQueue()
  const detached = several.write(Buffer.alloc(60))
  await refused(detached, 'ERR_TUN_DETACHED', /attach one first/u)
  await several.attachQueue()
  await several.write(Buffer.alloc(60))
  const filter = plain.setMacFilter({ addresses: [] })
  await refused(filter, 'ERR_TUN_INVALID_ARGUMENT', /give at least one address/u)
  await plain.setMacFilter({ addresses: ['02:00:00:00:00:01'] })
  const first = plain.read()
  const second = plain.read()
  await refused(second, 'ERR_TUN_LOCKED', /let one loop end before the next/u)
  await plain.close()
  t.is(await first, undefined)
  await refused(plain.write(Buffer.alloc(60)), 'ERR_TUN_CLOSED', /open it again/u)
})

/** Opens `alice0` as the user `nobody`; returns the output. */
async function openAsNobody({ run }: Namespace): Promise<string> {
  const script = `
    import { openTun } from '${INDEX}'
    await openTun({ name: 'alice0' }).then(
      (tun) => console.log('open', tun.name),
      (error) => console.log(error.code, error.message))`
  return run(...asNobody(process.execPath, '--input-type=module', '-e', script))
}

test('without CAP_NET_ADMIN: a persistent device of the user, which root prepares', async (t) => {
  if (!hasTools(t, 'setpriv', 'unshare') || !isOpenToOthers(t)) return
  const namespace = await withNamespace(t)
  const denied = await openAsNobody(namespace)
  t.regex(denied, /^ERR_TUN_PERMISSION .*persistent device that belongs to this user/u)
  const create = commandIn(denied)
  const command = create.replace('NAME', 'alice0').replace('NAME', '65534')
  await namespace.run(...command.split(' '))
  const unprepared = await openAsNobody(namespace)
  const [, prepare = ''] = /prepare the interface: (ip .+)/u.exec(unprepared) ?? []
  t.is(prepare, 'ip link set dev alice0 up', unprepared)
  await namespace.run(...prepare.split(' '))
  t.is(await openAsNobody(namespace), 'open alice0\n')
})

test('without a device node, or with a narrow mode: the command makes it usable', async (t) => {
  if (!hasTools(t, 'unshare')) return
  const namespace = await withNamespace(t)
  const script = `
    import { openTun } from '${INDEX}'
    import { execSync } from 'node:child_process'
    const error = await openTun().catch((error) => error)
    console.log(error.code)
    execSync(error.message.match(/"(.+)"/u)[1])
    const tun = await openTun()
    console.log('open')
    await tun.close()`
  const node = [process.execPath, '--input-type=module', '-e', script]
  const hidden = [
    'unshare',
    '--mount',
    'sh',
    '-ec',
    'mount -t tmpfs none /dev/net; exec "$@"',
    'sh',
  ]
  t.is(await namespace.run(...hidden, ...node), 'ERR_TUN_NO_DEVICE_NODE\nopen\n')
})
