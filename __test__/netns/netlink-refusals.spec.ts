import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import type { RouteQuery, TunError } from '../../dist/index.js'
import { withNamespace } from '../support/namespace.ts'
import { type Room, withNetlink } from '../support/netlink.ts'
import { cleanEnvironment } from '../support/program.ts'
import { hasTools, rootTest } from '../support/skip.ts'

const execute = promisify(execFile)
const INDEX = new URL('../../dist/index.js', import.meta.url).href

/** A namespace with a link, and a route to everything that other routes and rules do not forbid. */
async function withForbidden(t: Parameters<typeof withNetlink>[0]): Promise<Room> {
  const room = await withNetlink(t)
  for (const command of [
    'link add v0 type veth peer name v1',
    'link set v0 addrgenmode none up',
    'link set v1 addrgenmode none up',
    'address add 10.0.0.1/24 dev v0',
    '-6 address add fd00::1/64 dev v0 nodad',
    ...['blackhole', 'prohibit', 'unreachable', 'throw'].flatMap((type, index) => [
      `route add ${type} 192.0.2.${index}/32`,
      `-6 route add ${type} 2001:db8::${index}/128`,
    ]),
    'route add 203.0.113.0/24 via 10.0.0.2',
    'rule add from 10.0.0.1 to 203.0.113.9 blackhole priority 5',
    'rule add to 203.0.113.10 prohibit priority 6',
    'rule add to 203.0.113.11 unreachable priority 7',
  ]) {
    await room.namespace.run('ip', ...command.split(' '))
  }
  return room
}

const FORBIDDEN: readonly [destination: string, query: RouteQuery, cause: RegExp][] = [
  ['192.0.2.0', {}, /Invalid argument; a route or rule of the type blackhole forbids/u],
  ['192.0.2.0', { fibMatch: true }, /of the type blackhole forbids/u],
  ['192.0.2.0', { from: '10.0.0.1' }, /of the type blackhole forbids/u],
  ['192.0.2.0', { from: '10.9.9.9' }, /of the type blackhole forbids/u],
  ['192.0.2.1', { from: '10.9.9.9' }, /of the type prohibit forbids/u],
  ['192.0.2.1', {}, /Permission denied; a route or rule of the type prohibit forbids/u],
  ['192.0.2.2', {}, /No route to host; a route or rule of the type unreachable forbids/u],
  ['192.0.2.3', {}, /Network is unreachable; no route leads there/u],
  ['198.51.100.1', {}, /Network is unreachable; no route leads there/u],
  ['2001:db8::', {}, /Invalid argument; a route or rule of the type blackhole forbids/u],
  ['2001:db8::1', {}, /Permission denied; a route or rule of the type prohibit forbids/u],
  ['2001:db8::2', {}, /No route to host; a route or rule of the type unreachable forbids/u],
  ['2001:db8::3', {}, /Network is unreachable; no route leads there/u],
  ['2001:db8:1::1', {}, /Network is unreachable; no route leads there/u],
  ['203.0.113.9', { from: '10.0.0.1' }, /of the type blackhole forbids/u],
  ['203.0.113.10', {}, /of the type prohibit forbids/u],
  ['203.0.113.11', {}, /no route leads there, or .* a rule of the type unreachable excludes it/u],
]

rootTest('a look-up states which kind of route or rule forbids the destination', async (t) => {
  const { netlink } = await withForbidden(t)
  for (const [destination, query, cause] of FORBIDDEN) {
    const text = `${destination} ${JSON.stringify(query)}`
    const error = await t.throwsAsync<TunError>(
      netlink.routes.get(destination, query),
      undefined,
      text,
    )
    t.is(error.code, 'ERR_TUN_UNREACHABLE', text)
    t.regex(error.message, cause, text)
    t.notRegex(error.message, /root/u, text)
  }
  t.is((await netlink.routes.get('203.0.113.9')).gateway, '10.0.0.2')
})

rootTest('a source that is not an address of this machine is the cause', async (t) => {
  const { netlink } = await withForbidden(t)
  const lookUp = netlink.routes.get('203.0.113.1', { from: '10.9.9.9' })
  const error = await t.throwsAsync<TunError>(lookUp)
  t.regex(error.message, /packets from 10\.9\.9\.9 cannot take this route/u)
  t.notRegex(error.message, /blackhole|root/u)
})

rootTest('IPv6 that is disabled on an interface is the cause', async (t) => {
  const { netlink, namespace } = await withNetlink(t)
  await namespace.run('ip', 'link', 'add', 'v0', 'type', 'veth', 'peer', 'name', 'v1')
  await namespace.run('sysctl', '-qw', 'net.ipv6.conf.v0.disable_ipv6=1')
  await netlink.links.set('v0', { up: true })
  for (const change of [
    async () => netlink.addresses.add('v0', 'fd00::1/64'),
    async () => netlink.addresses.replace('v0', 'fd00::1/64'),
    async () => netlink.routes.add({ destination: 'fd01::/64', link: 'v0' }),
    async () => netlink.ensure({ link: 'v0', addresses: ['fd00::1/64'] }),
    async () => netlink.ensure({ link: 'v0', routes: ['::/0'] }),
  ]) {
    const error = await t.throwsAsync<TunError>(change())
    t.is(error.code, 'ERR_TUN_UNSUPPORTED')
    t.regex(error.message, /IPv6 is disabled on the interface: sysctl .*disable_ipv6=0$/u)
    t.notRegex(error.message, /root/u)
  }
})

rootTest('the advice to run as root is for a process without the capability', async (t) => {
  if (!hasTools(t, 'unshare', 'setpriv')) return
  const { name } = await withNamespace(t)
  const { name: other } = await withNamespace(t)
  const script = `
    import { openNetlink } from '${INDEX}'
    const netlink = await openNetlink()
    const failure = await netlink.links.set('lo', { mtu: 1400 }).catch((error) => error.message)
    const entered = await openNetlink({ netns: '${other}' }).catch((error) => error.message)
    console.log(JSON.stringify([failure, String(entered)]))
  `
  const node = [process.execPath, '--input-type=module', '-e', script]
  const run = async (...wrapper: string[]) => {
    const args = ['netns', 'exec', name, ...wrapper, ...node]
    const { stdout } = await execute('ip', args, { env: cleanEnvironment(), timeout: 30_000 })
    return JSON.parse(stdout) as [string, string]
  }
  const caps = '-net_admin,-sys_admin'
  const [without, notEntered] = await run('setpriv', '--bounding-set', caps, '--inh-caps', caps)
  t.regex(without, /Operation not permitted; it needs CAP_NET_ADMIN over .*: run it as root$/u)
  t.regex(notEntered, /Operation not permitted; it needs CAP_SYS_ADMIN over .*: run it as root$/u)
  // Root of a user namespace has every capability, but not over the namespace of its parent.
  const [inside] = await run('unshare', '--user', '--map-root-user')
  t.regex(inside, /Operation not permitted; this process has CAP_NET_ADMIN, but not over/u)
  t.notRegex(inside, /as root/u)
})
