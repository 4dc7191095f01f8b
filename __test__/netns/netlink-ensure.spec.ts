import { randomBytes } from 'node:crypto'
import {
  type TunError,
  createNamespace,
  deleteNamespace,
  listNamespaces,
} from '../../dist/index.js'
import { withNetlink } from '../support/netlink.ts'
import { rootTest } from '../support/skip.ts'
import { execFile } from 'node:child_process'
import { promisify } from 'node:util'

const execute = promisify(execFile)

rootTest('a link becomes as it should be, once, and again as it was', async (t) => {
  const { netlink, namespace, ip } = await withNetlink(t)
  await namespace.run('ip', 'link', 'add', 'v0', 'type', 'veth', 'peer', 'name', 'v1')
  await namespace.run('ip', 'link', 'set', 'v0', 'addrgenmode', 'none')
  await namespace.run('ip', 'address', 'add', '10.9.0.1/24', 'dev', 'v0')
  const state = async () => [
    await ip('address show dev v0'),
    await ip('route show table all'),
    await ip('-6 route show table main'),
  ]
  const before = await state()
  const desired = {
    link: 'v0',
    up: true,
    mtu: 1400,
    addresses: ['10.9.0.1/24', '10.0.0.1/24', 'FD00:0::1/64'],
    routes: [
      '10.1.0.0/16',
      'fd01::/32',
      { destination: 'default', gateway: '10.0.0.2', metric: 7 },
      { destination: '10.2.0.0/16', gateway: '10.0.0.2', table: 77 },
    ],
  }
  const { changes, undo } = await netlink.ensure(desired)
  t.deepEqual(
    changes.map((change) => ('added' in change ? `+${JSON.stringify(change.added)}` : change.what)),
    [
      'mtu',
      '+"10.0.0.1/24"',
      '+"FD00:0::1/64"',
      'up',
      ...desired.routes.map((route) => {
        const spec = typeof route === 'string' ? { destination: route } : route
        const [first] = changes.flatMap((change) => (change.what === 'route' ? [change.added] : []))
        return `+${JSON.stringify({ link: first?.link, ...spec })}`
      }),
    ],
  )
  t.like(await netlink.links.get('v0'), { up: true, mtu: 1400 })
  t.like(await netlink.routes.get('1.1.1.1'), { gateway: '10.0.0.2' })
  const again = await netlink.ensure(desired)
  t.deepEqual(again.changes, [])
  await again.undo()
  t.like(await netlink.links.get('v0'), { up: true, mtu: 1400 })
  await netlink.addresses.delete('v0', '10.0.0.1/24')
  await undo()
  await undo()
  // A link that was up once keeps its queueing discipline.
  const clean = (all: unknown) => JSON.stringify(all).replaceAll(/"qdisc":"\w+"/gu, '')
  t.is(clean(await state()), clean(before))
})

rootTest('what fails half-way is taken back', async (t) => {
  const { netlink } = await withNetlink(t)
  const desired = {
    link: 'lo',
    mtu: 1400,
    addresses: ['10.0.0.1/24'],
    routes: [{ destination: '10.1.0.0/16', gateway: '192.0.2.1' }],
  }
  const error = await t.throwsAsync<TunError>(netlink.ensure(desired))
  t.is(error.code, 'ERR_TUN_UNREACHABLE')
  t.is((await netlink.links.get('lo')).mtu, 65_536)
  t.is((await netlink.addresses.list({ link: 'lo', family: 4 })).length, 1)
  const unknown = await t.throwsAsync<TunError>(
    netlink.ensure({ link: 'lo', address: 'x' } as never),
  )
  t.regex(unknown.message, /Invalid property of desired "address": expected one of link, up/u)
})

rootTest('undo does not touch another link that has the index now', async (t) => {
  const { netlink, namespace } = await withNetlink(t)
  const add = async (name: string, kind: string) =>
    namespace.run(
      ...['ip', 'link', 'add', name, 'index', '4711', 'type', kind],
      ...(kind === 'veth' ? ['peer', 'name', 'end0'] : []),
    )
  const desired = {
    link: 'v0',
    up: true,
    mtu: 1400,
    addresses: ['10.0.0.1/24'],
    routes: ['10.1.0.0/16'],
  }
  for (const [name, kind] of [
    ['v0', 'bridge'],
    ['w0', 'veth'],
  ] as const) {
    await add('v0', 'veth')
    const { undo } = await netlink.ensure(desired)
    await netlink.links.delete('v0')
    await add(name, kind)
    await netlink.ensure({ ...desired, link: name })
    await undo()
    t.like(await netlink.links.get(4711), { name, kind, up: true, mtu: 1400 })
    t.is((await netlink.addresses.list({ link: 4711, family: 4 })).length, 1)
    t.true(
      (await netlink.routes.list({ link: 4711 })).some((one) => one.destination === '10.1.0.0/16'),
    )
    await netlink.links.delete(name)
  }
})

rootTest('undo finds a link that was renamed, and keeps what was changed since', async (t) => {
  const { netlink, namespace } = await withNetlink(t)
  await namespace.run('ip', 'link', 'add', 'v0', 'type', 'bridge')
  const { undo } = await netlink.ensure({
    link: 'v0',
    up: true,
    mtu: 1400,
    addresses: ['10.0.0.1/24'],
  })
  await namespace.run('ip', 'link', 'set', 'v0', 'name', 'w0')
  await netlink.links.set('w0', { mtu: 1450 })
  await undo()
  t.like(await netlink.links.get('w0'), { up: false, mtu: 1450 })
  t.deepEqual(await netlink.addresses.list({ link: 'w0' }), [])
})

rootTest('a namespace is made, listed as ip lists it, and deleted', async (t) => {
  const name = `tun2udp-${randomBytes(5).toString('hex')}`
  await createNamespace(name)
  t.true((await listNamespaces()).includes(name))
  const { stdout } = await execute('ip', ['-j', '-n', name, 'link'])
  t.like((JSON.parse(stdout) as object[])[0], { ifname: 'lo', operstate: 'DOWN' })
  const again = await t.throwsAsync<TunError>(createNamespace(name))
  t.is(again.code, 'ERR_TUN_EXISTS')
  await deleteNamespace(name)
  t.false((await listNamespaces()).includes(name))
  const gone = await t.throwsAsync<TunError>(deleteNamespace(name))
  t.is(gone.code, 'ERR_TUN_NOT_FOUND')
  for (const wrong of ['', '..', 'a/b', '12']) {
    const error = await t.throwsAsync<TunError>(createNamespace(wrong))
    t.is(error.code, 'ERR_TUN_INVALID_NAME')
  }
})

rootTest('a namespace that ip made is deleted', async (t) => {
  const name = `tun2udp-${randomBytes(5).toString('hex')}`
  await execute('ip', ['netns', 'add', name])
  await deleteNamespace(name)
  const { stdout } = await execute('ip', ['netns', 'list'])
  t.false(stdout.includes(name))
})
