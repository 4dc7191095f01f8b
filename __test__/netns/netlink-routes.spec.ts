import type { ExecutionContext } from 'ava'
import { type Route, type RouteSpec, TunError } from '../../dist/index.js'
import { type Room, defined, withNetlink } from '../support/netlink.ts'
import { rootTest } from '../support/skip.ts'

/** The output of `ip -j -d route` for a route. */
interface IpRoute {
  type: string
  dst: string
  dev?: string
  gateway?: string
  via?: { family: string; host: string }
  protocol: string
  scope: string
  table?: string
  prefsrc?: string
  metric?: number
  metrics?: Record<string, number>[]
  nexthops?: (Record<string, unknown> & { dev?: string; weight?: number })[]
  flags: string[]
  pref?: string
  expires?: number
  tos?: string
}

/** A namespace with one link that is up, 10.0.0.1/24 and fd00::1/64. */
async function withLink(t: ExecutionContext): Promise<Room> {
  const room = await withNetlink(t)
  const { run } = room.namespace
  await run('ip', 'link', 'add', 'v0', 'type', 'veth', 'peer', 'name', 'v1')
  await run('ip', 'link', 'set', 'v0', 'addrgenmode', 'none', 'up')
  await run('ip', 'link', 'set', 'v1', 'addrgenmode', 'none', 'up')
  await run('ip', 'address', 'add', '10.0.0.1/24', 'dev', 'v0')
  await run('ip', 'address', 'add', 'fd00::1/64', 'dev', 'v0', 'nodad')
  return room
}

/** Returns a network as ip(8) prints it. */
function destination(network: string): string {
  if (network.endsWith('/0')) return 'default'
  return network.replace(/(?<=\..*)\/32$|(?<=:.*)\/128$/u, '')
}

/** Returns the output that ip(8) would print for a route. */
function asIp(route: Route, names: ReadonlyMap<number, string>): Record<string, unknown> {
  const { gateway } = route
  const isVia = gateway !== undefined && gateway.includes(':') !== (route.family === 6)
  return defined({
    type: route.type,
    dst: destination(route.destination),
    dev: names.get(route.ifIndex ?? 0),
    gateway: isVia ? undefined : gateway,
    via: isVia ? { family: 'inet6', host: gateway } : undefined,
    protocol: String(route.protocol),
    scope: String(route.scope),
    prefsrc: route.preferredSource,
    metric: route.metric,
    pref: route.preference,
  })
}

const CASES: readonly [RouteSpec, expected: Partial<IpRoute>][] = [
  [
    { destination: '10.1.0.0/16', link: 'v0' },
    { dst: '10.1.0.0/16', dev: 'v0', scope: 'link', protocol: 'boot', type: 'unicast' },
  ],
  [
    { destination: '10.1.0.0/16', gateway: '10.0.0.2', protocol: 'static', metric: 7 },
    { gateway: '10.0.0.2', dev: 'v0', scope: 'global', protocol: 'static', metric: 7 },
  ],
  [
    { destination: 'default', gateway: '10.0.0.2' },
    { dst: 'default', gateway: '10.0.0.2' },
  ],
  [
    { destination: 'default', gateway: 'fd00::2' },
    { dst: 'default', gateway: 'fd00::2', metric: 1024, pref: 'medium' },
  ],
  [{ destination: '10.1.0.1', link: 'v0', preferredSource: '10.0.0.1' }, { prefsrc: '10.0.0.1' }],
  [
    { destination: '10.1.0.0/16', gateway: 'fd00::2', link: 'v0' },
    { via: { family: 'inet6', host: 'fd00::2' } },
  ],
  [
    { destination: '10.1.0.0/16', gateway: '192.0.2.1', link: 'v0', onLink: true },
    { flags: ['onlink'] },
  ],
  [{ destination: '10.1.0.0/16', type: 'blackhole' }, { type: 'blackhole' }],
  [
    { destination: '10.1.0.0/16', type: 'unreachable', metric: 9 },
    { type: 'unreachable', metric: 9 },
  ],
  [{ destination: '10.1.0.0/16', type: 'prohibit' }, { type: 'prohibit' }],
  [{ destination: '10.1.0.0/16', type: 'throw' }, { type: 'throw' }],
  [
    { destination: 'fd01::/16', type: 'blackhole' },
    { type: 'blackhole', dst: 'fd01::/16' },
  ],
  [{ destination: '10.1.0.0/16', link: 'v0', table: 77 }, { dst: '10.1.0.0/16' }],
  [{ destination: '10.1.0.0/16', link: 'v0', table: 100_000 }, { dst: '10.1.0.0/16' }],
  [{ destination: '10.1.0.0/16', link: 'v0', tos: 16 }, { tos: '0x10' }],
  [
    { destination: '10.1.0.0/16', link: 'v0', protocol: 200, scope: 'host' },
    { protocol: '200', scope: 'host' },
  ],
  [
    { destination: 'fd01::/32', link: 'v0', preference: 'high', metric: 5 },
    { pref: 'high', metric: 5 },
  ],
  [{ destination: 'fd01::/32', link: 'v0', expiresSeconds: 5000 }, { dst: 'fd01::/32' }],
  [
    {
      destination: '10.1.0.0/16',
      link: 'v0',
      metrics: {
        mtu: 1300,
        advmss: 1200,
        window: 9000,
        rttMs: 80,
        initialCongestionWindow: 12,
        locked: ['mtu'],
      },
    },
    {
      dst: '10.1.0.0/16',
      metrics: [{ mtu: 1300, window: 9000, rtt: 80, advmss: 1200, initcwnd: 12 }],
    },
  ],
]

const isV6 = ({ destination, gateway }: RouteSpec) =>
  destination.includes(':') || (destination === 'default' && gateway?.includes(':') === true)

/** Returns the route that the test created, as ip and as the library list it. */
async function found({ netlink, ip }: Room, spec: RouteSpec) {
  const [family, table] = [isV6(spec) ? 6 : 4, spec.table ?? 'main'] as const
  const shown = await ip<IpRoute>(`-${family} route show table ${table}`)
  const listed = await netlink.routes.list({ table, family })
  const network = destination(spec.destination)
  return {
    theirs: shown.find(({ dst, protocol }) => dst === network && protocol !== 'kernel'),
    ours: listed.find(
      (route) => destination(route.destination) === network && route.protocol !== 'kernel',
    ),
  }
}

for (const [spec, expected] of CASES) {
  rootTest(`a route is as ip reads it: ${JSON.stringify(spec)}`, async (t) => {
    const room = await withLink(t)
    const { netlink } = room
    await netlink.routes.add(spec)
    const { theirs, ours } = await found(room, spec)
    if (!theirs || !ours) {
      t.fail('it is not there')
      return
    }
    const { metrics, ...rest } = expected
    t.like(theirs, rest as never)
    if (metrics) t.like(theirs.metrics?.[0], metrics[0] as never)
    const links = new Map((await netlink.links.list()).map(({ ifIndex, name }) => [ifIndex, name]))
    for (const [key, value] of Object.entries(asIp(ours, links))) {
      t.deepEqual(theirs[key as keyof IpRoute], value, key)
    }
    const { tos, metrics: asked, onLink = false, table = 'main', expiresSeconds = 0 } = spec
    t.like(ours, { table, onLink, ...defined({ tos, metrics: asked }) })
    for (const expires of [ours.expiresSeconds, theirs.expires]) {
      t.true(Math.abs((expires ?? 0) - expiresSeconds) <= 5)
    }
    await netlink.routes.delete(spec)
    t.deepEqual(await found(room, spec), { theirs: undefined, ours: undefined })
  })
}

rootTest('a route for packets from a network is as ip reads it', async (t) => {
  const { netlink, ip } = await withLink(t)
  const spec = { destination: 'fd01::/32', from: 'fd02::/32', link: 'v0' }
  const failure = await netlink.routes.add(spec).then(
    () => undefined,
    (error: unknown) => error as TunError,
  )
  if (failure?.kernelMessage?.includes('IPV6_SUBTREES') === true) {
    t.is(failure.code, 'ERR_TUN_INVALID_ARGUMENT')
    t.log(`SKIP ${t.title}: this kernel has no CONFIG_IPV6_SUBTREES`)
    return
  }
  t.is(failure, undefined)
  t.like((await ip('-6 route show fd01::/32'))[0], { dst: 'fd01::/32', from: 'fd02::/32' })
  const found = await netlink.routes.list({ family: 6, link: 'v0' })
  t.like(
    found.find(({ destination }) => destination === 'fd01::/32'),
    { from: 'fd02::/32' },
  )
})

for (const family of [4, 6] as const) {
  rootTest(`several next hops are as ip reads them, of IPv${family}`, async (t) => {
    const { netlink, ip } = await withLink(t)
    const [network, first, second] =
      family === 4 ? ['10.1.0.0/16', '10.0.0.2', '10.0.0.3'] : ['fd01::/16', 'fd00::2', 'fd00::3']
    await netlink.routes.add({
      destination: network,
      nextHops: [
        { gateway: first, link: 'v0', weight: 3 },
        { gateway: second, link: 'v0' },
      ],
    })
    const [theirs] = await ip<IpRoute>(`-${family} route show ${network}`)
    t.like(theirs?.nexthops?.[0], { gateway: first, dev: 'v0', weight: 3 })
    t.like(theirs?.nexthops?.[1], { gateway: second, dev: 'v0', weight: 1 })
    const ours = (await netlink.routes.list({ family })).find(
      ({ destination }) => destination === network,
    )
    t.deepEqual(
      ours?.nextHops?.map(({ gateway, weight }) => [gateway, weight]),
      [
        [first, 3],
        [second, 1],
      ],
    )
  })
}

rootTest('what ip sets is listed by table, protocol, type and link', async (t) => {
  const { netlink, namespace } = await withLink(t)
  const { run } = namespace
  await run('ip', 'route', 'add', '10.1.0.0/16', 'dev', 'v0', 'proto', 'bgp')
  await run('ip', 'route', 'add', '10.2.0.0/16', 'dev', 'v0', 'table', '88')
  await run('ip', 'route', 'add', 'blackhole', '10.3.0.0/16')
  const list = async (filter: object) =>
    (await netlink.routes.list({ family: 4, ...filter })).map(({ destination }) => destination)
  t.deepEqual(await list({}), ['10.0.0.0/24', '10.1.0.0/16', '10.3.0.0/16'])
  t.deepEqual(await list({ protocol: 'bgp' }), ['10.1.0.0/16'])
  t.deepEqual(await list({ table: 88 }), ['10.2.0.0/16'])
  t.deepEqual(await list({ table: 89 }), [])
  t.deepEqual(await list({ type: 'blackhole' }), ['10.3.0.0/16'])
  t.deepEqual(await list({ link: 'v0' }), ['10.0.0.0/24', '10.1.0.0/16'])
  t.true((await list({ table: 'all' })).includes('10.0.0.255/32'))
})

rootTest('the way of a packet is that of ip', async (t) => {
  const { netlink, ip } = await withLink(t)
  await netlink.routes.add({ destination: 'default', gateway: '10.0.0.2' })
  const [theirs] = await ip<IpRoute>('route get 1.1.1.1')
  const ours = await netlink.routes.get('1.1.1.1')
  t.like(ours, { gateway: '10.0.0.2', preferredSource: '10.0.0.1' })
  t.like(theirs, { gateway: '10.0.0.2', prefsrc: '10.0.0.1' })
  t.is(ours.table, 'main')
  t.is((await netlink.routes.get('1.1.1.1', { fibMatch: true })).destination, '0.0.0.0/0')
  t.is((await netlink.routes.get('10.0.0.1')).type, 'local')
  t.like(await netlink.routes.get('fd00::7', { link: 'v0' }), {
    family: 6,
    destination: 'fd00::7/128',
  })
})

rootTest('a route is replaced, and others are appended', async (t) => {
  const { netlink, ip } = await withLink(t)
  const spec = { destination: '10.1.0.0/16', gateway: '10.0.0.2' }
  await netlink.routes.add(spec)
  await netlink.routes.replace({ ...spec, gateway: '10.0.0.3' })
  await netlink.routes.append({ ...spec, gateway: '10.0.0.4' })
  t.deepEqual(
    (await ip<IpRoute>('route show 10.1.0.0/16')).map(({ gateway }) => gateway),
    ['10.0.0.3', '10.0.0.4'],
  )
})

rootTest('refusals name the route and what to do', async (t) => {
  const { netlink } = await withLink(t)
  const refused = async (promise: Promise<unknown>) =>
    t.throwsAsync<TunError>(promise, { instanceOf: TunError })
  t.like(await refused(netlink.routes.add({ destination: '10.1.0.0/16', gateway: '192.0.2.1' })), {
    code: 'ERR_TUN_UNREACHABLE',
    errno: 101,
    syscall: 'RTM_NEWROUTE',
    subject: '10.1.0.0/16',
    kernelMessage: 'Nexthop has invalid gateway',
    advice: 'the gateway must be on a network of an interface that is up; otherwise set onLink',
  })
  t.like(await refused(netlink.routes.delete({ destination: '10.9.0.0/16' })), {
    code: 'ERR_TUN_NOT_FOUND',
  })
  const hostBits = await refused(netlink.routes.add({ destination: '10.1.0.1/16', link: 'v0' }))
  t.is(hostBits.code, 'ERR_TUN_INVALID_ARGUMENT')
  t.regex(hostBits.message, /without host bits: 10\.1\.0\.0\/16/u)
  t.like(await refused(netlink.routes.add({ destination: '10.0.0.0/24', link: 'v9' })), {
    code: 'ERR_TUN_NOT_FOUND',
    subject: 'v9',
  })
  t.like(await refused(netlink.routes.get('192.0.2.1')), { code: 'ERR_TUN_UNREACHABLE' })
})
