import type { RouteSpec, TunError } from '../../dist/index.js'
import { type Room, untilCarrier, withNetlink } from '../support/netlink.ts'
import { rootTest } from '../support/skip.ts'
import { there } from '../support/there.ts'

/** A namespace with a link that has addresses of both families. */
async function withLink(t: Parameters<typeof withNetlink>[0]): Promise<Room> {
  const room = await withNetlink(t)
  for (const command of [
    'link add v0 type veth peer name v1',
    'link set v0 addrgenmode none up',
    'link set v1 addrgenmode none up',
    'address add 10.0.0.1/24 dev v0',
    '-6 address add fd00::1/64 dev v0 nodad',
  ]) {
    await room.namespace.run('ip', ...command.split(' '))
  }
  await untilCarrier(room, 'v0', 'v1')
  return room
}

/** Runs ip(8). If the kernel lacks a feature that the case requires, returns the reason. */
async function refusal({ namespace }: Room, command: string): Promise<string | undefined> {
  const attempt = namespace.run('ip', ...command.split(' '))
  return attempt.then(
    () => undefined,
    (error: unknown) => (error as { stderr: string }).stderr.trim(),
  )
}

const ROUTES: readonly [ip: string, kept: RegExp][] = [
  ['10.9.0.0/16 encap ip id 7 dst 10.0.0.9 dev v0', /encap ip id 7 .*dst 10\.0\.0\.9/u],
  ['10.9.0.0/16 encap mpls 100 via 10.0.0.2', /encap mpls +100/u],
  ['fd09::/64 encap seg6 mode encap segs fd00::9 dev v0', /encap seg6 .*fd00::9/u],
  ['fd09::/64 encap ip6 id 7 dst fd00::9 dev v0', /encap ip6 id 7 .*dst fd00::9/u],
  ['10.9.0.0/16 via 10.0.0.2 realm 3', /realm 3/u],
  ['10.9.0.0/16 via 10.0.0.2 congctl reno', /congctl reno/u],
  ['10.9.0.0/16 via 10.0.0.2 features ecn mtu 1300', /mtu 1300 .*features ecn|features ecn/u],
  ['10.9.0.0/16 via 10.0.0.2 rtt 13', /rtt 1/u],
  [
    '10.9.0.0/16 nexthop via 10.0.0.2 weight 3 nexthop encap ip id 7 dst 10.0.0.9 dev v0',
    /weight 3 .*encap ip id 7/su,
  ],
]

for (const [command, kept] of ROUTES) {
  rootTest(`a route that is listed and replaced keeps all: ${command}`, async (t) => {
    const room = await withLink(t)
    const family = command.startsWith('f') ? 6 : 4
    const reason = await refusal(room, `-${family} route add ${command}`)
    if (reason !== undefined) {
      t.log(`SKIP ${t.title}: ${reason}`)
      t.pass()
      return
    }
    const { netlink, namespace } = room
    const shown = async () => {
      const text = await namespace.run('ip', '-d', `-${family}`, 'route', 'show', 'table', 'main')
      const lines = text.replaceAll(/\n\t/gu, ' ').split('\n')
      return lines.find((line) => /\b(?:10\.9|fd09)/u.test(line)) ?? ''
    }
    const find = async () => {
      const all = await netlink.routes.list({ family })
      return there(all.find(({ destination }) => /^(?:10\.9|fd09)/u.test(destination)))
    }
    const before = await shown()
    t.regex(before, kept)
    await netlink.routes.replace({ ...(await find()), protocol: 'static' })
    t.is((await shown()).replace('proto static', 'proto boot'), before)
    // The same with a delete and an add.
    const route = await find()
    await netlink.routes.delete(route)
    t.is(await shown(), '')
    await netlink.routes.add({ ...route, protocol: 'boot' })
    t.is(await shown(), before)
    t.deepEqual(await find(), { ...route, protocol: 'boot' })
  })
}

rootTest('a route by a next-hop object is replaced by the object, or not at all', async (t) => {
  const room = await withLink(t)
  const reason = await refusal(room, 'nexthop add id 5 via 10.0.0.2 dev v0')
  if (reason !== undefined) {
    t.log(`SKIP ${t.title}: ${reason}`)
    t.pass()
    return
  }
  const { netlink, namespace } = room
  await namespace.run('ip', 'route', 'add', '10.9.0.0/16', 'nhid', '5')
  const shown = async () => namespace.run('ip', 'route', 'show', '10.9.0.0/16')
  const before = await shown()
  const [route] = (await netlink.routes.list()).filter(({ nextHopId }) => nextHopId === 5)
  t.like(route, { nextHopId: 5, gateway: '10.0.0.2' })
  const error = await t.throwsAsync<TunError>(netlink.routes.replace(there(route)))
  t.is(error.code, 'ERR_TUN_INVALID_ARGUMENT')
  t.regex(
    error.message,
    /a next-hop object and a gateway, link or next hops exclude one another; leave/u,
  )
  t.is(await shown(), before)
  const spec: RouteSpec = { destination: '10.9.0.0/16', nextHopId: 5, protocol: 'static' }
  await netlink.routes.replace(spec)
  t.is((await shown()).replace('proto static ', ''), before)
  const [listed] = (await netlink.routes.list()).filter(({ nextHopId }) => nextHopId === 5)
  await netlink.routes.delete(there(listed))
  t.is(await shown(), '')
})

rootTest('a rule that is listed, deleted and added keeps all', async (t) => {
  const room = await withLink(t)
  const { netlink, namespace } = room
  const reason = await refusal(room, 'rule add tun_id 8 table 7 priority 5')
  if (reason !== undefined) {
    t.log(`SKIP ${t.title}: ${reason}`)
    t.pass()
    return
  }
  await refusal(room, 'rule add realms 3 table 7 priority 6')
  const before = await namespace.run('ip', 'rule', 'show')
  const rules = (await netlink.rules.list({ family: 4 })).filter(({ table }) => table === 7)
  for (const rule of rules) await netlink.rules.delete(rule)
  t.false((await namespace.run('ip', 'rule', 'show')).includes('lookup 7'))
  for (const rule of rules) await netlink.rules.add(rule)
  t.is(await namespace.run('ip', 'rule', 'show'), before)
})

rootTest('a neighbor that is listed and replaced keeps all', async (t) => {
  const room = await withLink(t)
  const { netlink, namespace } = room
  const reason = await refusal(room, 'neigh add 10.0.0.7 dev v0 managed')
  if (reason !== undefined) {
    t.log(`SKIP ${t.title}: ${reason}`)
    t.pass()
    return
  }
  const [neighbor] = await netlink.neighbors.list({ link: 'v0', family: 4 })
  t.is(neighbor?.address, '10.0.0.7')
  const { otherAttributes = [] } = neighbor ?? {}
  t.is(otherAttributes.length, 1)
  const macAddress = '02:00:00:00:00:07'
  await netlink.neighbors.replace('v0', '10.0.0.7', { macAddress, state: 'stale', otherAttributes })
  const shown = await namespace.run('ip', 'neigh', 'show', 'dev', 'v0')
  t.regex(shown, /^10\.0\.0\.7 .*\bmanaged\b/u)
})

rootTest('attributes that were not listed so are refused', async (t) => {
  const { netlink } = await withLink(t)
  for (const wrong of [
    {},
    [{}],
    [{ type: 1 }],
    [{ type: 22, value: 'abc' }],
    [{ type: 0, value: '' }],
  ]) {
    const spec = { destination: '10.9.0.0/16', link: 'v0', otherAttributes: wrong as never }
    const error = await t.throwsAsync<TunError>(netlink.routes.add(spec))
    t.is(error.code, 'ERR_TUN_INVALID_ARGUMENT')
  }
  const both = { destination: '10.9.0.0/16', link: 'v0', ifIndex: 1 }
  t.regex((await t.throwsAsync<TunError>(netlink.routes.add(both))).message, /^Invalid link "v0"/u)
})
