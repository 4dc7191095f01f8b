import { openSync } from 'node:fs'
import { openTap, openTun } from '../../../index.ts'
import {
  NEAR,
  SEGMENT_BYTES,
  SEGMENTS,
  linkOf,
  sendGsoBatch,
  tapIn,
  tunIn,
  withTun,
} from '../../support/device.ts'
import { untilLinks } from '../../support/gone.ts'
import { withNamespace } from '../../support/namespace.ts'
import { INDEX } from '../../support/script.ts'
import { hasTools, rootTest as test } from '../../support/skip.ts'

const IFF_NO_CARRIER = 0x40
const IFF_MULTI_QUEUE = 0x100
const IFF_VNET_HDR = 0x4000

test('a device is what was asked for, and says so', async (t) => {
  const { tun, namespace } = await withTun(t, {
    name: 'vpn%d',
    addresses: ['10.8.0.1/24', 'fd08::1/64'],
    routes: ['10.9.0.0/16'],
    mtu: 1400,
    txQueueLength: 77,
    ifIndex: 4711,
    owner: 'root',
    group: 0,
  })
  t.like(tun, { name: 'vpn0', ifIndex: 4711, mtu: 1400, mode: 'tun', highWaterMark: 256 })
  const link = await linkOf(namespace, 'vpn0')
  t.like(link, { ifindex: 4711, mtu: 1400, txqlen: 77, inet6_addr_gen_mode: 'none' })
  t.true(link.flags.includes('UP'))
  t.like(link.linkinfo.info_data, { type: 'tun', user: 'root', group: 'root', vnet_hdr: true })
  const addresses = await namespace.run('ip', '-br', 'address', 'show', 'vpn0')
  t.regex(addresses, /10\.8\.0\.1\/24 fd08::1\/64\s*$/u)
  t.regex(await namespace.run('ip', 'route'), /^10\.9\.0\.0\/16 dev vpn0/mu)
})

test('without options a device has the name that the kernel gives, and no address', async (t) => {
  const namespace = await withNamespace(t)
  const tun = await tunIn(t, namespace)
  t.is(tun.name, 'tun0')
  t.is(tun.mtu, 1500)
  t.regex(await namespace.run('ip', '-br', 'address', 'show', 'tun0'), /^tun0\s+\S+\s*$/u)
})

test('a device that is to stay down does, and one may have link-local addresses', async (t) => {
  const namespace = await withNamespace(t)
  await tunIn(t, namespace, { name: 'down0', up: false })
  t.false((await linkOf(namespace, 'down0')).flags.includes('UP'))
  await tunIn(t, namespace, { name: 'local0', linkLocal: true, mtu: 1280 })
  t.regex(await namespace.run('ip', '-6', 'address', 'show', 'local0'), /fe80::/u)
})

test('a TAP device has its Ethernet address and its flags', async (t) => {
  const namespace = await withNamespace(t)
  const tap = await tapIn(t, namespace, {
    macAddress: '02:00:00:00:00:2a',
    napi: true,
    napiFrags: true,
  })
  t.is(tap.mode, 'tap')
  const link = await linkOf(namespace, tap.name)
  t.is(link['address'], '02:00:00:00:00:2a')
  t.like(link.linkinfo.info_data, { type: 'tap' })
  t.is(tap.flags & 0x30, 0x30)
})

test('flags and headers are those asked for', async (t) => {
  const namespace = await withNamespace(t)
  const plain = await tunIn(t, namespace, { offload: false })
  t.is(plain.flags & IFF_VNET_HDR, 0)
  t.deepEqual(plain.offload, { tso: false, uso: false, coalesce: false })
  const long = await tunIn(t, namespace, { offload: ['tso'], vnetHeaderBytes: 24 })
  t.is(long.flags & IFF_VNET_HDR, IFF_VNET_HDR)
  t.deepEqual(long.offload, { tso: true, uso: false, coalesce: false })
  const informed = await tunIn(t, namespace, { packetInformation: true })
  t.like((await linkOf(namespace, informed.name)).linkinfo.info_data, { pi: true })
  const quiet = await tunIn(t, namespace, { noCarrier: true })
  t.is(quiet.flags & IFF_NO_CARRIER, 0)
  t.true((await linkOf(namespace, quiet.name)).flags.includes('NO-CARRIER'))
  const typed = await tunIn(t, namespace, { linkType: 1 })
  t.is((await linkOf(namespace, typed.name))['link_type'], 'ether')
})

test('a persistent device stays, is attached to, and has what was configured still', async (t) => {
  const namespace = await withNamespace(t)
  const first = await tunIn(t, namespace, {
    name: 'stay0',
    persistent: true,
    addresses: ['10.8.0.1/24'],
  })
  await first.close()
  t.like((await linkOf(namespace, 'stay0')).linkinfo.info_data, { persist: true })
  const second = await tunIn(t, namespace, {
    name: 'stay0',
    create: 'never',
    persistent: false,
    addresses: ['10.8.0.1/24'],
  })
  await second.close()
  await untilLinks(t, namespace, [])
})

test('offloads of an earlier owner do not reach one who wants none', async (t) => {
  if (!hasTools(t, 'python3')) return
  const namespace = await withNamespace(t)
  const name = 'stale0'
  await (await tunIn(t, namespace, { name, persistent: true, addresses: [NEAR] })).close()
  const plain = await tunIn(t, namespace, { name, offload: false })
  await sendGsoBatch(namespace)
  const lengths: number[] = []
  for await (const packet of plain) if (lengths.push(packet.length) === SEGMENTS) break
  t.deepEqual(lengths, new Array(SEGMENTS).fill(SEGMENT_BYTES + 28))
})

test('several queues of one device are opened one by one', async (t) => {
  const namespace = await withNamespace(t)
  const first = await tunIn(t, namespace, {
    name: 'mq0',
    multiQueue: true,
    addresses: ['10.8.0.1/24'],
  })
  const second = await tunIn(t, namespace, { name: 'mq0', multiQueue: true, create: 'never' })
  t.is(second.ifIndex, first.ifIndex)
  t.is(second.flags & IFF_MULTI_QUEUE, IFF_MULTI_QUEUE)
  t.like((await linkOf(namespace, 'mq0')).linkinfo.info_data, { multi_queue: true, numqueues: 2 })
  await t.throwsAsync(openTun({ netns: namespace.name, name: 'mq0' }), {
    code: 'ERR_TUN_DEVICE_MISMATCH',
  })
})

test('each cause of a failing open has its own code, and nothing stays behind', async (t) => {
  const namespace = await withNamespace(t)
  const { name: netns } = namespace
  await tunIn(t, namespace, { name: 'held0' })
  await tunIn(t, namespace, { name: 'kept0', persistent: true }).then((tun) => tun.close())
  const failures: [options: Parameters<typeof openTun>[0], code: string, message: RegExp][] = [
    [{ name: 'held0' }, 'ERR_TUN_BUSY', new RegExp(`process ${process.pid} `, 'u')],
    [{ name: 'kept0', create: 'always' }, 'ERR_TUN_EXISTS', /an interface of that name exists/u],
    [{ name: 'lo' }, 'ERR_TUN_DEVICE_MISMATCH', /not a tun device/u],
    [{ name: 'kept0', ifIndex: 99 }, 'ERR_TUN_EXISTS', /index 99/u],
    [{ name: 'none0', create: 'never' }, 'ERR_TUN_NOT_FOUND', /the interface does not exist/u],
    [{ cloneDevice: '/no/such/device' }, 'ERR_TUN_NO_DEVICE_NODE', /--device \/dev\/net\/tun/u],
    [
      { name: 'a', addresses: ['10.8.0.1/24', '10.8.0.1/24'] },
      'ERR_TUN_INVALID_ARGUMENT',
      /10\.8\.0\.1\/24: it is given twice/u,
    ],
    [
      { name: 'a', routes: ['10.0.0.0/8'], up: false },
      'ERR_TUN_SYSTEM',
      /add the route 10\.0\.0\.0\/8/u,
    ],
    [{ name: 'a', owner: 'nobody-of-this-name' }, 'ERR_TUN_NOT_FOUND', /no such user/u],
    [{ fd: 999_999 }, 'ERR_TUN_SYSTEM', /adopt the descriptor 999999/u],
  ]
  for (const [options, code, message] of failures) {
    const given = options?.fd === undefined ? { netns, ...options } : options
    const error = await t.throwsAsync(openTun(given), { code }, JSON.stringify(options))
    t.regex(error.message, message)
  }
  await t.throwsAsync(openTap({ netns, name: 'kept0' }), { code: 'ERR_TUN_DEVICE_MISMATCH' })
  await t.throwsAsync(openTap({ netns, name: 'tap0', macAddress: '01:00:00:00:00:00' }), {
    code: 'ERR_TUN_INVALID_ARGUMENT',
    message: /one station/u,
  })
  await untilLinks(t, namespace, ['held0', 'kept0'])
})

test('a failure takes back what was added to an interface that was there before', async (t) => {
  const namespace = await withNamespace(t)
  await namespace.run('ip', 'tuntap', 'add', 'dev', 'kept0', 'mode', 'tun')
  const failing = openTun({
    netns: namespace.name,
    name: 'kept0',
    mtu: 1200,
    addresses: ['10.8.0.1/24'],
    // With an MTU below 1280 there is no IPv6.
    routes: ['192.0.2.0/24', 'fd00::/8'],
  })
  await t.throwsAsync(failing, { message: /^add the route fd00::/u })
  const link = await linkOf(namespace, 'kept0')
  t.like(link, { mtu: 1500 })
  t.false(link.flags.includes('UP'))
  t.notRegex(await namespace.run('ip', 'address', 'show', 'kept0'), /10\.8/u)
})

test('a descriptor is adopted only when it is a queue, and stays the caller’s until then', async (t) => {
  const plain = openSync('/dev/net/tun', 'r+')
  await t.throwsAsync(openTun({ fd: plain }), {
    code: 'ERR_TUN_INVALID_ARGUMENT',
    message: /not attached to an interface/u,
  })
  const other = openSync('/dev/null', 'r+')
  await t.throwsAsync(openTun({ fd: other }), {
    code: 'ERR_TUN_INVALID_ARGUMENT',
    message: /not open for the TUN driver/u,
  })
})

test('a descriptor that is attached is taken over, with what it has', async (t) => {
  if (!hasTools(t, 'python3')) return
  const namespace = await withNamespace(t)
  const script = `
    import { existsSync } from 'node:fs'
    import { openTun } from '${INDEX}'
    const tun = await openTun({ fd: 9, addresses: ['10.8.0.1/24'] })
    console.log(tun.name, tun.flags & 0x1000, tun.offload.tso, existsSync('/proc/self/fd/9'))
    tun.write(Buffer.from('4500001400000000400000000a0800020a080001', 'hex'))
    await tun.close()`
  // Calls TUNSETIFF with IFF_TUN and IFF_NO_PI, and then runs Node with the descriptor as number 9.
  const parent = `
import fcntl, os, struct, sys
fd = os.open('/dev/net/tun', os.O_RDWR)
fcntl.ioctl(fd, 0x400454ca, struct.pack('16sH22x', b'given0', 0x1001))
os.dup2(fd, 9)
os.close(fd)
os.execv(sys.argv[1], sys.argv[1:])`
  const node = [process.execPath, '--input-type=module', '-e', script]
  t.is((await namespace.run('python3', '-c', parent, ...node)).trim(), 'given0 4096 false false')
  await untilLinks(t, namespace, [])
})

test('a descriptor of the other mode is refused, and stays as it is', async (t) => {
  if (!hasTools(t, 'python3')) return
  const namespace = await withNamespace(t)
  const script = `
    import { readFileSync } from 'node:fs'
    import { openTap, openTun } from '${INDEX}'
    const flags = () => readFileSync('/proc/self/fdinfo/9', 'utf8').split('\\n')[1]
    const [open, other] = process.argv[1] === 'tun' ? [openTun, openTap] : [openTap, openTun]
    const before = flags()
    const error = await other({ fd: 9, up: false }).catch((error) => error)
    console.log(error.code, flags() === before, error.message)
    const device = await open({ fd: 9 })
    console.log(device.mode)
    await device.close()`
  const parent = `
import fcntl, os, struct, sys
fd = os.open('/dev/net/tun', os.O_RDWR)
fcntl.ioctl(fd, 0x400454ca, struct.pack('16sH22x', b'given0', 0x1001 if sys.argv[-1] == 'tun' else 0x1002))
os.dup2(fd, 9)
os.close(fd)
os.execv(sys.argv[1], sys.argv[1:])`
  const node = [process.execPath, '--input-type=module', '-e', script]
  for (const [mode, is, asked] of [
    ['tun', 'TUN', 'TAP'],
    ['tap', 'TAP', 'TUN'],
  ] as const) {
    const output = await namespace.run('python3', '-c', parent, ...node, mode)
    t.is(
      output,
      `ERR_TUN_DEVICE_MISMATCH true adopt the descriptor 9: given0 is a ${is} device, ` +
        `and a ${asked} device was requested; open it as a ${is} device\n${mode}\n`,
    )
  }
})

test('an abort leaves nothing, whenever it comes', async (t) => {
  const namespace = await withNamespace(t)
  const { name: netns } = namespace
  const reason = new Error('enough')
  await t.throwsAsync(openTun({ netns, signal: AbortSignal.abort(reason) }), { is: reason })
  const controller = new AbortController()
  const opening = openTun({ netns, signal: controller.signal })
  setImmediate(() => {
    controller.abort(reason)
  })
  const end = await opening.then(
    (tun) => tun.close(),
    (error: unknown) => error,
  )
  t.true(end === undefined || end === reason)
  await untilLinks(t, namespace, [])
})
