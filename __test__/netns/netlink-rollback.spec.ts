import { RollbackError, type TunError } from '../../dist/index.js'
import { type Room, withNetlink } from '../support/netlink.ts'
import { rootTest } from '../support/skip.ts'

const MAC = '02:00:00:00:00:05'

/** A namespace with a macvlan that is up. It cannot be set up while another one has its hardware address. */
async function withMacvlan(t: Parameters<typeof withNetlink>[0]): Promise<Room | undefined> {
  const room = await withNetlink(t)
  const { run } = room.namespace
  await run('ip', 'link', 'add', 'v0', 'type', 'veth', 'peer', 'name', 'v1')
  await run('ip', 'link', 'set', 'v0', 'up')
  try {
    await room.netlink.links.add({
      kind: 'macvlan',
      name: 'm0',
      lower: 'v0',
      macAddress: MAC,
      up: true,
    })
  } catch (error) {
    t.log(`SKIP ${t.title}: ${(error as TunError).message}`)
    t.pass()
    return undefined
  }
  return room
}

/** Prevents `m0` from being set up. */
async function block({ netlink }: Room): Promise<void> {
  await netlink.links.add({ kind: 'macvlan', name: 'm1', lower: 'v0', macAddress: MAC, up: true })
}

rootTest('undo goes on after a failure, reports it, and can be called again', async (t) => {
  const room = await withMacvlan(t)
  if (!room) return
  const { netlink } = room
  const { undo } = await netlink.ensure({
    link: 'm0',
    mtu: 1400,
    addresses: ['10.0.0.1/24'],
    up: false,
  })
  await block(room)
  const error = await t.throwsAsync<RollbackError>(undo(), { instanceOf: RollbackError })
  t.is(error.code, 'ERR_TUN_ADDRESS_IN_USE')
  t.regex(
    error.message,
    /^roll back the changes of m0: 1 of 3 failed: the state \(bring up .*Address already in use/u,
  )
  t.deepEqual(error.changes, [{ what: 'up', from: true, to: false }])
  const { up, mtu } = await netlink.links.get('m0')
  t.deepEqual({ up, mtu }, { up: false, mtu: 1500 })
  t.deepEqual(await netlink.addresses.list({ link: 'm0', family: 4 }), [])
  await t.throwsAsync(undo(), { instanceOf: RollbackError })
  await netlink.links.delete('m1')
  await undo()
  t.true((await netlink.links.get('m0')).up)
  await netlink.links.set('m0', { up: false })
  await undo()
  t.false((await netlink.links.get('m0')).up)
})

rootTest('an error of ensure reports what could not be rolled back', async (t) => {
  const room = await withMacvlan(t)
  if (!room) return
  const { netlink } = room
  // Once m0 is down, m1 is set up and uses the address.
  await netlink.links.add({ kind: 'macvlan', name: 'm1', lower: 'v0', macAddress: MAC })
  const monitor = netlink.monitor(['link'])
  const taken = (async () => {
    for await (const event of monitor) {
      if (event.type === 'link' && event.link.name === 'm0' && !event.link.up) break
    }
    await netlink.links.set('m1', { up: true })
  })()
  const routes = Array.from({ length: 500 }, (_, index) => ({
    destination: `10.${index >> 8}.${index & 255}.0/24`,
    link: 'v0',
  }))
  const failing = netlink.ensure({
    link: 'm0',
    mtu: 1400,
    up: false,
    routes: [...routes, { destination: '10.99.0.0/16', gateway: '192.0.2.1' }],
  })
  const error = await t.throwsAsync<RollbackError>(failing, { instanceOf: RollbackError })
  await taken
  t.is(error.code, 'ERR_TUN_UNREACHABLE')
  t.regex(
    error.message,
    /^add the route 10\.99\.0\.0\/16: .*; and what was changed before could not be rolled back: the state/u,
  )
  t.deepEqual(error.changes, [{ what: 'up', from: true, to: false }])
  t.is((error.cause as TunError).code, 'ERR_TUN_UNREACHABLE')
  t.is((await netlink.links.get('m0')).mtu, 1500)
  t.deepEqual(await netlink.routes.list({ link: 'v0', protocol: 'boot' }), [])
})
