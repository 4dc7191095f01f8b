import type { Desired, Netlink, RouteSpec, TunError } from '../../dist/index.js'
import { openNetlink } from '../../dist/index.js'
import { type Room, untilCarrier, withNetlink } from '../support/netlink.ts'
import { rootTest } from '../support/skip.ts'

/** A namespace with two links that are up, `v0` and `w0`, and addresses of both families. */
async function withLinks(t: Parameters<typeof withNetlink>[0]): Promise<Room> {
  const room = await withNetlink(t)
  for (const command of [
    'link add v0 type veth peer name v1',
    'link add w0 type veth peer name w1',
    ...['v0', 'v1', 'w0', 'w1'].map((name) => `link set ${name} addrgenmode none up`),
    'link property add dev w0 altname a-long-alternative-name-of-w0',
    'address add 10.0.0.1/24 dev v0',
    'address add 10.0.1.1/24 dev w0',
    '-6 address add fd00::1/64 dev v0 nodad',
    '-6 address add fd01::1/64 dev w0 nodad',
  ]) {
    await room.namespace.run('ip', ...command.split(' '))
  }
  await untilCarrier(room, 'v0', 'v1', 'w0', 'w1')
  return room
}

const NET = '10.9.0.0/16'
const NET6 = 'fd09::/64'

/** Routes with each property that a route can have, in forms that the kernel returns in another form. */
const ROUTES: readonly RouteSpec[] = [
  { destination: NET, gateway: '10.0.0.2', metric: 0 },
  { destination: NET6, gateway: 'fd00::2', metric: 0 },
  { destination: NET6, gateway: 'FD00:0:0::2', metric: 1024 },
  { destination: NET, gateway: '10.0.0.2', protocol: 4 },
  { destination: NET6, gateway: 'fd00::2', protocol: 3 },
  { destination: NET, gateway: '10.0.0.2', protocol: 77, tos: 0 },
  { destination: NET, gateway: '10.0.0.2', tos: 4 },
  { destination: NET, gateway: '10.0.0.2', table: 254, type: 1 },
  { destination: NET, gateway: '10.0.0.2', table: 0 },
  { destination: NET6, gateway: 'fd00::2', table: 'unspec' },
  { destination: NET, gateway: '10.0.0.2', table: 1000 },
  { destination: NET, scope: 253 },
  { destination: NET, scope: 'link', link: 'w0' },
  { destination: NET6, scope: 253 },
  { destination: NET, link: 'a-long-alternative-name-of-w0' },
  { destination: NET, gateway: '10.0.0.2', preferredSource: '10.0.0.1' },
  { destination: NET, gateway: '0.0.0.0' },
  { destination: NET, gateway: '10.7.0.1', onLink: true },
  { destination: NET, gateway: '10.0.0.2', onLink: false },
  { destination: NET, gateway: 'fd00::2' },
  { destination: 'default', gateway: '10.0.0.2' },
  { destination: 'default', family: 6 },
  { destination: '::/0', from: '::/0' },
  { destination: NET6, preference: 'high' },
  { destination: NET6, preference: 0 },
  { destination: NET6, expiresSeconds: 1000 },
  { destination: NET, type: 'blackhole' },
  { destination: NET, type: 8 },
  { destination: NET6, type: 'unreachable' },
  { destination: NET6, type: 'blackhole', metric: 0 },
  { destination: '10.0.0.77', type: 'local' },
  { destination: NET, metrics: { mtu: 1400, rttMs: 20, window: 0 } },
  { destination: NET, metrics: { mtu: 4_000_000, advmss: 70_000, hopLimit: 300 } },
  { destination: NET, metrics: { mtu: 1400, locked: ['mtu'] } },
  { destination: NET6, metrics: { mtu: 1400, hopLimit: 7 } },
  { destination: NET, nextHops: [{ gateway: '10.0.0.2' }] },
  { destination: NET6, nextHops: [{ gateway: 'fd00::2', weight: 7 }] },
  { destination: NET, nextHops: [{ gateway: '10.0.0.2' }, { gateway: '10.0.1.2', link: 'w0' }] },
  {
    destination: NET,
    metric: 5,
    nextHops: [{ gateway: '10.0.1.2', weight: 3, onLink: false }, { gateway: '10.0.0.2' }],
  },
  { destination: NET, nextHops: [{ link: 'v0' }, { link: 'w0', weight: 2 }] },
  {
    destination: NET6,
    nextHops: [
      { gateway: 'fd01::2', weight: 2 },
      { gateway: 'fd00::2', link: 'v0' },
    ],
  },
]

rootTest('a route with any property is added once, and removed by undo', async (t) => {
  const { netlink, namespace } = await withLinks(t)
  const shown = async () => [
    await namespace.run('ip', 'route', 'show', 'table', 'all'),
    await namespace.run('ip', '-6', 'route', 'show', 'table', 'all'),
  ]
  const before = await shown()
  for (const route of ROUTES) {
    const text = JSON.stringify(route)
    const desired: Desired = { link: 'v0', routes: [route] }
    const { changes, undo } = await netlink.ensure(desired)
    t.is(changes.length, 1, text)
    t.notDeepEqual(await shown(), before, text)
    t.deepEqual((await netlink.ensure(desired)).changes, [], text)
    await undo()
    t.deepEqual(await shown(), before, text)
  }
})

/** Existing and desired routes, which differ. */
const DIFFERENT: readonly [there: RouteSpec, wanted: RouteSpec][] = [
  [
    { destination: NET, gateway: '10.0.0.2' },
    { destination: NET, gateway: '10.0.0.3' },
  ],
  [
    { destination: NET, nextHops: [{ gateway: '10.0.0.2' }, { gateway: '10.0.1.2' }] },
    { destination: NET, nextHops: [{ gateway: '10.0.0.3' }, { gateway: '10.0.1.3' }] },
  ],
  [
    { destination: NET, nextHops: [{ gateway: '10.0.0.2' }, { gateway: '10.0.1.2' }] },
    { destination: NET, nextHops: [{ gateway: '10.0.0.2', weight: 2 }, { gateway: '10.0.1.2' }] },
  ],
  [
    { destination: NET, nextHops: [{ gateway: '10.0.0.2' }, { gateway: '10.0.1.2' }] },
    { destination: NET, nextHops: [{ gateway: '10.0.0.2' }, { gateway: '10.0.0.2' }] },
  ],
  [
    { destination: NET, nextHops: [{ link: 'v0' }, { link: 'w0' }] },
    { destination: NET, nextHops: [{ link: 'w0' }, { link: 'w0' }] },
  ],
  [
    { destination: NET6, nextHops: [{ gateway: 'fd00::2' }, { gateway: 'fd01::2' }] },
    { destination: NET6, nextHops: [{ gateway: 'fd00::3' }, { gateway: 'fd01::2' }] },
  ],
  [
    { destination: NET6, nextHops: [{ gateway: 'fd00::2' }, { gateway: 'fd01::2' }] },
    { destination: NET6, gateway: 'fd00::2' },
  ],
  [
    { destination: NET, gateway: '10.0.0.2', metrics: { mtu: 1400, window: 9000 } },
    { destination: NET, gateway: '10.0.0.2', metrics: { mtu: 1300 } },
  ],
  [
    { destination: NET, gateway: '10.0.0.2', metrics: { mtu: 1400 } },
    { destination: NET, gateway: '10.0.0.2', metrics: { mtu: 0 } },
  ],
  [
    { destination: NET, link: 'v0' },
    { destination: NET, link: 'w0' },
  ],
  [
    { destination: NET, link: 'v0', protocol: 'boot' },
    { destination: NET, link: 'v0', protocol: 'static' },
  ],
  [
    { destination: NET, link: 'v0', preferredSource: '10.0.0.1' },
    { destination: NET, link: 'v0', preferredSource: '10.0.1.1' },
  ],
  [
    { destination: NET, link: 'v0', gateway: '10.0.0.2', onLink: true },
    { destination: NET, link: 'v0', gateway: '10.0.0.2', onLink: false },
  ],
  [
    { destination: NET6, link: 'v0', preference: 'low' },
    { destination: NET6, link: 'v0', preference: 'high' },
  ],
  [
    { destination: NET6, link: 'v0' },
    { destination: NET6, link: 'v0', expiresSeconds: 1000 },
  ],
  [
    { destination: NET, type: 'blackhole' },
    { destination: NET, type: 'prohibit' },
  ],
  [
    { destination: NET, type: 'unreachable' },
    { destination: NET, gateway: '10.0.0.2' },
  ],
]

rootTest('a route that differs is replaced, and restored by undo', async (t) => {
  const { netlink, namespace } = await withLinks(t)
  for (const [there, wanted] of DIFFERENT) {
    const text = JSON.stringify(wanted)
    const family = wanted.destination.includes(':') ? '-6' : '-4'
    const shown = async () => namespace.run('ip', '-d', family, 'route', 'show', 'table', 'main')
    await netlink.routes.add(there)
    const before = await shown()
    const { changes, undo } = await netlink.ensure({ link: 'v0', routes: [wanted] })
    const [change] = changes
    t.is(changes.length, 1, text)
    t.is(change?.what === 'route' ? change.replaced?.destination : '', wanted.destination, text)
    t.not(await shown(), before, text)
    t.deepEqual((await netlink.ensure({ link: 'v0', routes: [wanted] })).changes, [], text)
    await undo()
    t.is(await shown(), before, text)
    await netlink.routes.delete({ destination: wanted.destination })
  }
})

rootTest('routes of another metric, table or type of service stay', async (t) => {
  const { netlink, namespace } = await withLinks(t)
  const others: RouteSpec[] = [
    { destination: NET, gateway: '10.0.0.3', metric: 7 },
    { destination: NET, gateway: '10.0.0.4', table: 77 },
    { destination: NET, gateway: '10.0.0.5', tos: 8 },
  ]
  await netlink.routes.addMany(others)
  const shown = async () => namespace.run('ip', 'route', 'show', 'table', 'all')
  const before = await shown()
  const { changes, undo } = await netlink.ensure({
    link: 'v0',
    routes: [{ destination: NET, gateway: '10.0.0.2' }],
  })
  t.is(changes.length, 1)
  t.is((await netlink.routes.list()).filter((one) => one.destination === NET).length, 3)
  await undo()
  t.is(await shown(), before)
})

rootTest('routes of one call that exclude one another are refused, and rolled back', async (t) => {
  const { netlink, namespace } = await withLinks(t)
  const before = await namespace.run('ip', 'route')
  const error = await t.throwsAsync<TunError>(
    netlink.ensure({
      link: 'v0',
      routes: [
        { destination: NET, gateway: '10.0.0.2' },
        { destination: NET, gateway: '10.0.0.3' },
      ],
    }),
  )
  t.is(error.code, 'ERR_TUN_INVALID_ARGUMENT')
  t.regex(error.message, /10\.9\.0\.0\/16 is in two routes/u)
  t.is(await namespace.run('ip', 'route'), before)
})

/** The configuration that many callers ensure at the same time. */
const DESIRED: Desired = {
  link: 'v0',
  mtu: 1400,
  addresses: ['10.5.0.1/24', 'fd05::1/64'],
  routes: [NET, NET6, { destination: '10.8.0.0/16', gateway: '10.5.0.2', metric: 5 }],
}

async function ensureAtOnce(sessions: readonly Netlink[]) {
  return Promise.all(sessions.map(async (session) => session.ensure(DESIRED)))
}

rootTest('30 callers at once make each change once, and undo only their own', async (t) => {
  const { netlink, namespace } = await withLinks(t)
  // Duplicate address detection may end during the test.
  const addresses = () => namespace.run('ip', '-o', 'address', 'show', 'dev', 'v0')
  const state = async () => [
    (await addresses()).replaceAll(' tentative', ''),
    await namespace.run('ip', 'route', 'show', 'table', 'all'),
    await namespace.run('ip', '-6', 'route', 'show', 'table', 'main'),
  ]
  const before = (await state()).map((text) => text.replaceAll(/ mtu \d+/gu, ''))
  const others = await Promise.all(
    // The same number with the path of the namespace; these calls do not wait for the others.
    Array.from({ length: 15 }, async () => openNetlink({ netns: `/run/netns/${namespace.name}` })),
  )
  const own = Array.from({ length: 15 }, () => netlink)
  const all = await ensureAtOnce([...own, ...others])
  const after = await state()
  const made = all.flatMap(({ changes }) => changes)
  t.is(made.filter(({ what }) => what === 'address').length, 2)
  t.is(made.filter(({ what }) => what === 'route').length, 3)
  t.is((await netlink.links.get('v0')).mtu, 1400)
  for (const { changes, undo } of all) if (changes.length === 0) await undo()
  t.deepEqual(await state(), after)
  for (const { undo } of all.toReversed()) await undo()
  t.deepEqual(
    (await state()).map((text) => text.replaceAll(/ mtu \d+/gu, '')),
    before,
  )
  await Promise.all(others.map(async (other) => other.close()))
})
