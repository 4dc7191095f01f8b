import { openNetlink } from '../../../index.ts'
import { type AdviceCase, type AdviceRoom, adviceCases } from './room.ts'

const NETWORK = '10.9.0.0/16'

/** A link that is up, with the address 10.0.0.1/24, and its other end. */
async function withLink({ ip }: AdviceRoom): Promise<void> {
  for (const line of [
    'link add v0 type veth peer name v1',
    'link set v0 addrgenmode none up',
    'link set v1 addrgenmode none up',
    'address add 10.0.0.1/24 dev v0',
  ]) {
    await ip(line)
  }
}

export const NETLINK = adviceCases([
  {
    advice: 'open another session',
    run: async ({ t, netns, refused }) => {
      const closed = await openNetlink({ netns })
      await closed.close()
      await refused(closed.links.list())
      await using another = await openNetlink({ netns })
      t.is((await another.links.list()).length, 1)
    },
  },
  {
    advice: 'IPv6 is disabled on the interface: sysctl net.ipv6.conf.INTERFACE.disable_ipv6=0',
    tools: ['sysctl'],
    run: async (room) => {
      const { namespace, netlink, refused } = room
      await withLink(room)
      await namespace.run('sysctl', '-qw', 'net.ipv6.conf.v0.disable_ipv6=1')
      const add = async () => netlink.addresses.add('v0', 'fd00::1/64')
      const message = await refused(add())
      const [, setting = ''] = /sysctl (\S+)/u.exec(message) ?? []
      await namespace.run('sysctl', '-qw', setting.replace('INTERFACE', 'v0'))
      await add()
    },
  },
  {
    advice: 'an interface has that name already: choose another',
    run: async ({ netlink, refused }) => {
      await netlink.links.add({ kind: 'bridge', name: 'b0' })
      await refused(netlink.links.add({ kind: 'bridge', name: 'b0' }))
      await netlink.links.add({ kind: 'bridge', name: 'b1' })
    },
  },
  {
    advice: 'it already exists: delete it first',
    run: async ({ netlink, refused }) => {
      const rule = { priority: 100, from: NETWORK, table: 7 }
      await netlink.rules.add(rule)
      await refused(netlink.rules.add(rule))
      await netlink.rules.delete(rule)
      await netlink.rules.add(rule)
    },
  },
  {
    advice: 'it already exists: replace it, or delete it first',
    run: async (room) => {
      const { netlink, refused } = room
      await withLink(room)
      await refused(netlink.addresses.add('v0', '10.0.0.1/24'))
      await netlink.addresses.replace('v0', '10.0.0.1/24')
      await netlink.addresses.delete('v0', '10.0.0.1/24')
      await netlink.addresses.add('v0', '10.0.0.1/24')
      const route = { destination: NETWORK, gateway: '10.0.0.2' }
      await netlink.routes.add(route)
      await refused(netlink.routes.add(route))
      await netlink.routes.replace(route)
      await netlink.routes.delete(route)
      await netlink.routes.add(route)
    },
  },
  {
    advice: 'the gateway must be on a network of an interface that is up; otherwise set onLink',
    run: async (room) => {
      const { netlink, refused } = room
      await withLink(room)
      const route = { destination: NETWORK, gateway: '10.1.0.2', link: 'v0' }
      await refused(netlink.routes.add(route))
      await netlink.routes.add({ ...route, onLink: true })
      await netlink.routes.delete({ destination: NETWORK })
      await netlink.addresses.add('v0', '10.1.0.1/24')
      await netlink.routes.add(route)
    },
  },
  {
    advice: 'no interface has that name or index here',
    run: async ({ t, netlink, ip, refused }) => {
      await refused(netlink.links.get('b0'))
      await refused(netlink.links.get(99))
      await refused(netlink.links.set('b0', { up: true }))
      await refused(netlink.addresses.add('b0', '10.0.0.1/24'))
      await ip('link add b0 index 99 type bridge')
      t.is((await netlink.links.get(99)).name, 'b0')
      await netlink.links.set('b0', { up: true })
      await netlink.addresses.add('b0', '10.0.0.1/24')
    },
  },
  {
    advice: 'leave out the gateway, link and next hops to keep the object, or leave out the object',
    run: async (room) => {
      const { netlink, ip, refused } = room
      await withLink(room)
      await ip('nexthop add id 5 via 10.0.0.2 dev v0')
      const [destination, object, hop] = [NETWORK, { nextHopId: 5 }, { gateway: '10.0.0.2' }]
      await refused(netlink.routes.add({ destination, ...object, ...hop }))
      await netlink.routes.add({ destination, ...object })
      await netlink.routes.delete({ destination })
      await netlink.routes.add({ destination, ...hop })
    },
  },
  {
    advice:
      'no route leads there, or a throw route or a rule of the type unreachable excludes it: add a route, or list the rules by `ip rule`',
    run: async (room) => {
      const { netlink, ip, refused } = room
      await withLink(room)
      await refused(netlink.routes.get('10.9.0.1'))
      await netlink.routes.add({ destination: NETWORK, gateway: '10.0.0.2' })
      await netlink.routes.get('10.9.0.1')
      await ip('rule add to 10.9.0.1 unreachable priority 7')
      await refused(netlink.routes.get('10.9.0.1'))
      const [rule = ''] = /^7:.*unreachable$/mu.exec(await ip('rule')) ?? []
      await ip(`rule delete priority ${rule.split(':')[0] ?? ''}`)
      await netlink.routes.get('10.9.0.1')
    },
  },
  ...['blackhole', 'prohibit', 'unreachable'].map((kind): AdviceCase => ({
    advice:
      'a route or rule of the type {kind} forbids this destination: list them by `ip route show table all` and `ip rule`, then delete it or add a more specific route',
    of: kind,
    run: async (room) => {
      const { t, netlink, ip, refused } = room
      await withLink(room)
      await ip(`route add ${kind} ${NETWORK}`)
      const get = async () => netlink.routes.get('10.9.0.1')
      const message = await refused(get())
      t.true(message.includes(`the type ${kind} forbids`), message)
      await netlink.routes.add({ destination: '10.9.0.0/24', gateway: '10.0.0.2' })
      t.is((await get()).gateway, '10.0.0.2')
      await netlink.routes.delete({ destination: '10.9.0.0/24' })
      t.true((await ip('route show table all')).includes(`${kind} ${NETWORK}`))
      await ip(`route delete ${kind} ${NETWORK}`)
      await netlink.routes.add({ destination: 'default', gateway: '10.0.0.2' })
      t.is((await get()).gateway, '10.0.0.2')
    },
  })),
  {
    advice:
      'packets from {from} cannot take this route: the source must be an address of this machine, or of a host behind the input link',
    run: async (room) => {
      const { t, netlink, refused } = room
      await withLink(room)
      const get = async () => netlink.routes.get('10.0.0.7', { from: '10.1.0.1' })
      await refused(get())
      await netlink.addresses.add('v0', '10.1.0.1/24')
      t.is((await get()).destination, '10.0.0.7/32')
    },
  },
  {
    advice: 'give the priority and what else identifies one rule',
    run: async ({ netlink, refused }) => {
      await netlink.rules.add({ priority: 100, from: NETWORK, table: 7 })
      await refused(netlink.rules.delete({ invert: false }))
      await netlink.rules.delete({ priority: 100, from: NETWORK })
    },
  },
  {
    advice: 'the interface has no such address with that prefix length: list the addresses',
    run: async (room) => {
      const { t, netlink, refused } = room
      await withLink(room)
      await refused(netlink.addresses.delete('v0', '10.0.0.1/32'))
      const [address] = await netlink.addresses.list({ link: 'v0', family: 4 })
      await netlink.addresses.delete(
        'v0',
        `${address?.address ?? ''}/${address?.prefixLength ?? ''}`,
      )
      t.deepEqual(await netlink.addresses.list({ link: 'v0', family: 4 }), [])
    },
  },
  {
    advice: 'list the {what}s',
    run: async (room) => {
      const { t, netlink, refused } = room
      await withLink(room)
      await netlink.routes.add({ destination: NETWORK, gateway: '10.0.0.2' })
      await refused(netlink.routes.delete({ destination: NETWORK, gateway: '10.0.0.3' }))
      const routes = await netlink.routes.list({ family: 4 })
      const route = routes.find(({ destination }) => destination === NETWORK)
      t.truthy(route)
      if (route) await netlink.routes.delete(route)
      await refused(netlink.rules.delete({ priority: 100, from: NETWORK }))
    },
  },
  {
    advice: 'list the {what}s, and give properties that only one of them has',
    run: async (room) => {
      const { t, netlink, refused } = room
      await withLink(room)
      const route = { destination: NETWORK, gateway: '10.0.0.2' }
      await netlink.routes.addMany([
        { ...route, metric: 5 },
        { ...route, metric: 6 },
      ])
      await refused(netlink.routes.delete(route))
      const routes = await netlink.routes.list({ family: 4 })
      const metrics = routes.filter(({ destination }) => destination === NETWORK)
      t.deepEqual(
        metrics.map(({ metric }) => metric),
        [5, 6],
      )
      for (const { metric = 0 } of metrics) await netlink.routes.delete({ ...route, metric })
    },
  },
  {
    advice: 'delete the {what} before it first',
    run: async (room) => {
      const { netlink, ip, refused } = room
      await withLink(room)
      await ip(`route add ${NETWORK} via 10.0.0.2 dev v0`)
      await ip(`route append ${NETWORK} via 10.0.0.2 dev v0 onlink`)
      const route = { destination: NETWORK, gateway: '10.0.0.2' }
      await refused(netlink.routes.delete({ ...route, onLink: true }))
      const listed = await netlink.routes.list({ family: 4 })
      for (const one of listed.filter(({ destination }) => destination === NETWORK)) {
        await netlink.routes.delete(one)
      }
    },
  },
  {
    advice: 'leave out a property that does not identify the object to delete',
    run: async ({ netlink, refused }) => {
      const rule = { priority: 100, from: NETWORK, table: 7 }
      await netlink.rules.add(rule)
      await refused(netlink.rules.delete({ ...rule, table: undefined as never }))
      await netlink.rules.delete({ priority: 100, from: NETWORK })
    },
  },
  {
    advice: 'leave ifIndex out to name another',
    run: async (room) => {
      const { netlink, refused } = room
      await withLink(room)
      await netlink.routes.add({ destination: NETWORK, link: 'v0' })
      const listed = await netlink.routes.list({ family: 4 })
      const route = listed.find(({ destination }) => destination === NETWORK)
      const { ifIndex, ...rest } = { ...route, destination: '10.8.0.0/16', link: 'v1' }
      await refused(netlink.routes.add({ ...rest, ifIndex: ifIndex ?? 0 }))
      await netlink.routes.add(rest)
    },
  },
  {
    advice: 'give them different metrics, or one route with several next hops',
    run: async (room) => {
      const { netlink, refused } = room
      await withLink(room)
      const routes = ['10.0.0.2', '10.0.0.3'].map((gateway) => ({ destination: NETWORK, gateway }))
      await refused(netlink.ensure({ link: 'v0', routes }))
      const metrics = routes.map((route, metric) => ({ ...route, metric: metric + 1 }))
      await netlink.ensure({ link: 'v0', routes: metrics })
      const nextHops = routes.map(({ gateway }) => ({ gateway, link: 'v0' }))
      await netlink.ensure({ link: 'v0', routes: [{ destination: '10.8.0.0/16', nextHops }] })
    },
  },
  {
    advice: 'did you mean {}?',
    run: async ({ netlink, refused }) => {
      const message = await refused(netlink.links.add({ kind: 'bridge', nam: 'b0' } as never))
      const [, meant = ''] = /did you mean (\w+)\?/u.exec(message) ?? []
      await netlink.links.add({ kind: 'bridge', [meant]: 'b0' } as never)
      await netlink.links.get('b0')
    },
  },
])
