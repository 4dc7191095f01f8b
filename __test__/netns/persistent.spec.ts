import { spawn } from 'node:child_process'
import { once } from 'node:events'
import type { ExecutionContext } from 'ava'
import { createPersistent, listDevices, removePersistent } from '../../index.ts'
import { eventually } from '../support/gone.ts'
import { withNamespace } from '../support/namespace.ts'
import { hasTools, rootTest as test } from '../support/skip.ts'

/** The output of ip(8) for a device of the driver. */
interface Link {
  ifname: string
  ifindex: number
  mtu: number
  linkinfo: {
    info_data: {
      type: string
      user?: string | number
      group?: string | number
      pi: boolean
      vnet_hdr: boolean
      persist: boolean
      multi_queue: boolean
    }
  }
}

/** On common systems, these numbers of users and groups have no name. */
const OWNER = 40_001
const GROUP = 40_002

/** Waits until no device is left. A device ends with its last descriptor. */
const untilNone = (t: ExecutionContext, netns: string) =>
  eventually(t, () => listDevices({ netns }), [])

test('made, as ip(8) reads it, listed and removed', async (t) => {
  const { name: netns, run } = await withNamespace(t)
  const made = await createPersistent({
    mode: 'tap',
    name: 'vpn%d',
    owner: OWNER,
    group: String(GROUP),
    multiQueue: true,
    vnetHeader: true,
    netns,
  })
  const [link] = JSON.parse(await run('ip', '-j', '-d', 'link', 'show', 'type', 'tun')) as Link[]
  t.like(link, { ifname: 'vpn0', ifindex: made.ifIndex, mtu: made.mtu })
  t.like(link?.linkinfo.info_data, {
    type: 'tap',
    user: OWNER,
    group: GROUP,
    pi: false,
    vnet_hdr: true,
    persist: true,
    multi_queue: true,
  })
  t.deepEqual(made, {
    name: 'vpn0',
    ifIndex: made.ifIndex,
    mode: 'tap',
    up: false,
    mtu: 1500,
    persistent: true,
    multiQueue: true,
    packetInformation: false,
    vnetHeader: true,
    owner: OWNER,
    group: GROUP,
    queues: made.queues ?? { attached: 0, detached: 0 },
  })
  const listed = async () => {
    const devices = await listDevices({ netns })
    return devices.map(({ name, mode, owner, group, holders }) => ({
      name,
      mode,
      owner,
      group,
      holders,
    }))
  }
  await eventually(t, listed, [
    { name: 'vpn0', mode: 'tap', owner: OWNER, group: GROUP, holders: [] },
  ])
  await removePersistent('vpn0', { netns })
  await untilNone(t, netns)
})

test('what ip(8) made is listed, by rising index', async (t) => {
  const { name: netns, run } = await withNamespace(t)
  await run('ip', 'tuntap', 'add', 'dev', 'b', 'mode', 'tun', 'pi', 'user', String(OWNER))
  await run('ip', 'tuntap', 'add', 'dev', 'a', 'mode', 'tap', 'multi_queue', 'group', String(GROUP))
  await run('ip', 'link', 'set', 'dev', 'a', 'up', 'mtu', '1400')
  await run('ip', 'link', 'add', 'name', 'c', 'type', 'bridge')
  const [first, second, ...rest] = await listDevices({ netns })
  t.deepEqual(rest, [])
  t.like(first, {
    name: 'b',
    mode: 'tun',
    packetInformation: true,
    vnetHeader: false,
    multiQueue: false,
  })
  t.like(first, { owner: OWNER, up: false, persistent: true, mtu: 1500 })
  t.false('group' in (first ?? {}))
  t.false('queues' in (first ?? {}))
  t.like(second, {
    name: 'a',
    mode: 'tap',
    packetInformation: false,
    multiQueue: true,
    group: GROUP,
  })
  t.like(second, { up: true, mtu: 1400, queues: { attached: 0, detached: 0 } })
  t.false('owner' in (second ?? {}))
})

test('the holder is named, and the other end of busy is one error', async (t) => {
  if (!hasTools(t, 'socat')) return
  const { name: netns } = await withNamespace(t)
  const socat = ['socat', '-u', 'TUN,tun-name=held,iff-no-pi', '-']
  const holder = spawn('ip', ['netns', 'exec', netns, ...socat], { stdio: 'ignore' })
  t.teardown(() => holder.kill())
  await once(holder, 'spawn')
  let devices = await listDevices({ netns })
  while (devices[0]?.holders.length !== 1) {
    await new Promise((resolve) => setTimeout(resolve, 10))
    devices = await listDevices({ netns })
  }
  t.deepEqual(devices[0].holders, [{ pid: holder.pid, command: 'socat' }])
  t.false(devices[0].persistent)
  const busy = await t.throwsAsync(createPersistent({ mode: 'tun', name: 'held', netns }), {
    code: 'ERR_TUN_BUSY',
  })
  t.true(busy.message.includes(`process ${holder.pid} (socat) holds it`), busy.message)
  await t.throwsAsync(removePersistent('held', { netns }), {
    code: 'ERR_TUN_DEVICE_MISMATCH',
    message: /it is not persistent/u,
  })
})

test('made again it keeps what was not given', async (t) => {
  const { name: netns } = await withNamespace(t)
  await createPersistent({ mode: 'tun', name: 'x', owner: OWNER, netns })
  const again = await createPersistent({ mode: 'tun', name: 'x', group: GROUP, netns })
  t.like(again, { owner: OWNER, group: GROUP })
  await t.throwsAsync(createPersistent({ mode: 'tap', name: 'x', netns }), {
    code: 'ERR_TUN_DEVICE_MISMATCH',
  })
  await t.throwsAsync(createPersistent({ mode: 'tun', name: 'x', multiQueue: true, netns }), {
    code: 'ERR_TUN_DEVICE_MISMATCH',
  })
})

test('what cannot be done names what it is about, and leaves nothing behind', async (t) => {
  const { name: netns } = await withNamespace(t)
  const failures: [Promise<unknown>, string, RegExp][] = [
    [
      createPersistent({ mode: 'tap', name: 'x', owner: 'no-such-user', netns }),
      'ERR_TUN_NOT_FOUND',
      /no-such-user/u,
    ],
    [
      createPersistent({ mode: 'tap', name: 'x', group: 'no-such-group', netns }),
      'ERR_TUN_NOT_FOUND',
      /no-such-group/u,
    ],
    [
      createPersistent({ mode: 'tap', name: 'x', cloneDevice: '/no/tun', netns }),
      'ERR_TUN_NO_DEVICE_NODE',
      /\/no\/tun/u,
    ],
    [
      createPersistent({ mode: 'tap', name: 'x', netns: 'no-such-netns' }),
      'ERR_TUN_NOT_FOUND',
      /no-such-netns/u,
    ],
    [createPersistent({ mode: 'tap', name: 'lo', netns }), 'ERR_TUN_DEVICE_MISMATCH', /lo/u],
    [removePersistent('absent', { netns }), 'ERR_TUN_NOT_FOUND', /absent/u],
    [removePersistent('lo', { netns }), 'ERR_TUN_DEVICE_MISMATCH', /lo: not a TUN or TAP device/u],
    [listDevices({ netns: 'no-such-netns' }), 'ERR_TUN_NOT_FOUND', /no-such-netns/u],
  ]
  for (const [failing, code, message] of failures) await t.throwsAsync(failing, { code, message })
  t.deepEqual(await listDevices({ netns }), [])
})

test('a hundred at once', async (t) => {
  const { name: netns } = await withNamespace(t)
  const made = await Promise.all(
    Array.from({ length: 100 }, async () => createPersistent({ mode: 'tun', netns })),
  )
  const names = new Set(made.map(({ name }) => name))
  t.is(names.size, 100)
  t.is((await listDevices({ netns })).length, 100)
  await Promise.all([...names].map(async (name) => removePersistent(name, { netns })))
  await untilNone(t, netns)
})
