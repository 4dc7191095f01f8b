import {
  type Relay,
  type RelayOptions,
  type TunOptions,
  openTun,
  startRelay,
} from '../../../index.ts'
import { withNamespace } from '../namespace.ts'
import { type AdviceRoom, adviceCases } from './room.ts'

const PORTS = { sendPort: 5001, receivePort: 0 }
const ADDRESSES = ['10.9.0.1/24']

/** Starts a relay whose interface is in the namespace, and ends it. */
async function start(room: AdviceRoom, options: Partial<RelayOptions>): Promise<void> {
  const relay = await startRelay({ ...PORTS, addresses: ADDRESSES, netns: room.netns, ...options })
  await relay.close()
}

/** Starts a relay in a process in the namespace, with further options, and ends it; returns the result. */
async function startIn(room: AdviceRoom, ...options: readonly object[]): Promise<string[]> {
  return room.script(`
    for (const options of ${JSON.stringify(options)}) {
      const all = { sendPort: 5001, receivePort: 0, addresses: ['10.9.0.1/24'], ...options }
      say(await attempt(async () => (await tun2udp.startRelay(all)).close()))
    }`)
}

/** Expects the advice of the first start, and that the others work. */
async function expectStarts(room: AdviceRoom, ...options: readonly object[]): Promise<void> {
  const [message = '', ...then] = await startIn(room, ...options)
  room.advised(message)
  room.t.deepEqual(
    then,
    then.map(() => 'works'),
  )
}

/** A veth pair in the namespace; the first end has the addresses of an underlay. */
async function withUnderlay({ ip }: AdviceRoom): Promise<void> {
  for (const line of [
    'link add up0 type veth peer name up1',
    'link set up0 up',
    'link set up1 up',
    'address add 192.0.2.1/24 dev up0',
    'address add 2001:db8::1/64 dev up0 nodad',
  ]) {
    await ip(line)
  }
}

export const RELAY = adviceCases([
  {
    advice: "give the peer's own address",
    run: async (room) => {
      await withUnderlay(room)
      await expectStarts(room, { peer: '192.0.2.255' }, { peer: '192.0.2.7' })
    },
  },
  {
    advice: 'the part after "%" must be the name or index of an interface of "ip link"',
    run: async (room) => {
      await withUnderlay(room)
      const [, index = ''] = /^(\d+): up0/mu.exec(await room.ip('link')) ?? []
      const right = [{ peer: 'fe80::7%up0' }, { peer: `fe80::7%${index}` }]
      await expectStarts(room, { peer: 'fe80::7%up9' }, ...right)
      await expectStarts(room, { peer: 'fe80::7%99999' }, ...right)
    },
  },
  {
    advice: 'the interface was deleted: start the relay again, and leave its interface alone',
    run: async (room) => {
      const { netns, ip, refused } = room
      const options = { ...PORTS, addresses: ADDRESSES, netns, name: 'gone0' }
      const relay = await startRelay(options)
      await ip('link delete gone0')
      await refused(relay.closed)
      await start(room, options)
    },
  },
  {
    advice: 'use {MIN_V4} to {largest}',
    run: async (room) => {
      const message = await room.refused(start(room, { mtu: 65_508 }))
      const [, least, largest] = /use (\d+) to (\d+)/u.exec(message) ?? []
      for (const mtu of [Number(least), Number(largest)]) await start(room, { mtu })
    },
  },
  {
    advice: 'use {MIN_V6} to {largest}, or only IPv4 addresses and routes',
    run: async (room) => {
      const addresses = [...ADDRESSES, 'fd00::1/64']
      const message = await room.refused(start(room, { addresses, mtu: 1_279 }))
      const [, least, largest] = /use (\d+) to (\d+)/u.exec(message) ?? []
      for (const mtu of [Number(least), Number(largest)]) await start(room, { addresses, mtu })
      await start(room, { mtu: 1_279 })
    },
  },
  {
    advice:
      'use a network without the peer, put the interface into another namespace (--netns), or first give the peer a longer route of its own',
    run: async (room) => {
      await withUnderlay(room)
      const peer = '192.0.2.7'
      const routes = ['192.0.2.0/25']
      const { name: netns } = await withNamespace(room.t)
      await expectStarts(
        room,
        { peer, routes },
        { peer, routes: ['198.51.100.0/24'] },
        { peer, routes, netns },
      )
      await room.ip('route add 192.0.2.7/32 dev up0')
      room.t.deepEqual(await startIn(room, { peer, routes }), ['works'])
    },
  },
  {
    advice:
      'another interface has this route: use the two halves of the network, or delete that route first',
    run: async (room) => {
      const { t, ip, advised } = room
      await withUnderlay(room)
      const routes = ['198.51.100.0/24']
      await ip('route add 198.51.100.0/24 dev up0')
      const [message = '', then] = await startIn(
        room,
        { routes },
        { routes: ['198.51.100.0/25', '198.51.100.128/25'] },
      )
      advised(message)
      t.is(then, 'works')
      await ip('route delete 198.51.100.0/24 dev up0')
      t.deepEqual(await startIn(room, { routes }), ['works'])
    },
  },
  {
    advice: 'another socket has this port: choose another RECV_PORT, or 0 to let the kernel choose',
    run: async (room) => {
      const { t, netns, refused } = room
      const first: Relay = await startRelay({ ...PORTS, addresses: ADDRESSES, netns })
      t.teardown(() => first.close())
      const receivePort = first.info.local.port
      const addresses = ['10.8.0.1/24']
      await refused(start(room, { addresses, receivePort }))
      await start(room, { addresses, receivePort: 0 })
    },
  },
  {
    advice: 'not a local address: "ip address" lists them',
    run: async (room) => {
      const options = { listen: '192.0.2.1', peer: '192.0.2.7' }
      const [message = ''] = await startIn(room, options)
      room.advised(message)
      await withUnderlay(room)
      const [, listed = ''] = /inet (192[\d.]+)/u.exec(await room.ip('address')) ?? []
      room.t.deepEqual(await startIn(room, { ...options, listen: listed }), ['works'])
    },
  },
  {
    advice:
      'duplicate address detection is running: start again in a few seconds, or add the address with "nodad" of ip-address(8)',
    run: async (room) => {
      const { t, ip, script, namespace } = room
      await withUnderlay(room)
      await namespace.run('sysctl', '-qw', 'net.ipv6.conf.up0.dad_transmits=100')
      await ip('address add 2001:db8::2/64 dev up0')
      const options = { listen: '2001:db8::2', peer: '2001:db8::7' }
      const [message = ''] = await startIn(room, options)
      room.advised(message)
      const listen = `
        const namespace = await tun2udp.inNamespace('/proc/self/ns/net')
        say(await attempt(() => new Promise((resolve, reject) => {
          const server = namespace.listen({ host: '2001:db8::2', port: 0 })
          server.on('error', reject).on('listening', () => server.close(resolve))
        })))
        await namespace.close()`
      room.advised((await script(listen))[0] ?? '')
      await ip('address delete 2001:db8::2/64 dev up0')
      await ip('address add 2001:db8::2/64 dev up0 nodad')
      t.deepEqual(await startIn(room, options), ['works'])
      t.deepEqual(await script(listen), ['works'])
    },
    tools: ['sysctl'],
  },
  {
    advice: 'another host on the link has this address (dadfailed): use another one',
    tools: ['sysctl'],
    run: async (room) => {
      const { ip, namespace, t, netlink } = room
      await withUnderlay(room)
      await namespace.run('sysctl', '-qw', 'net.ipv6.conf.all.accept_dad=1')
      // The other end of the cable is the other host.
      await ip('address add 2001:db8::2/64 dev up1 nodad')
      await ip('address add 2001:db8::2/64 dev up0')
      for (;;) {
        const addresses = await netlink.addresses.list({ link: 'up0', family: 6 })
        const own = addresses.find(({ address }) => address === '2001:db8::2')
        if (own?.dadFailed) break
        await new Promise((resolve) => setTimeout(resolve, 50))
      }
      await ip('address delete 2001:db8::2/64 dev up1')
      const peer = '2001:db8::7'
      await expectStarts(room, { listen: '2001:db8::2', peer }, { listen: '2001:db8::1', peer })
      t.pass()
    },
  },
  {
    advice:
      'ports below net.ipv4.ip_unprivileged_port_start need CAP_NET_BIND_SERVICE: run it as root, or choose another port',
    of: 'a relay',
    tools: ['setpriv'],
    run: async ({ t, advised, script }) => {
      const body = (port: number) => `
        const options = { addresses: ['10.9.0.1/24'], sendPort: 5001, receivePort: ${port} }
        say(await attempt(async () => (await tun2udp.startRelay(options)).close()))`
      const without = ['--bounding-set', '-net_bind_service', '--inh-caps', '-net_bind_service']
      const [message = ''] = await script(body(7), 'setpriv', ...without)
      advised(message)
      t.deepEqual(await script(body(1_024), 'setpriv', ...without), ['works'])
      t.deepEqual(await script(body(7)), ['works'])
    },
  },
  {
    advice: 'it needs CAP_NET_ADMIN, or CAP_NET_RAW since Linux 5.17',
    tools: ['setpriv'],
    run: async ({ t, advised, script }) => {
      const body = `
        const options = { addresses: ['10.9.0.1/24'], sendPort: 5001, receivePort: 0, fwmark: 5 }
        say(await attempt(async () => (await tun2udp.startRelay(options)).close()))`
      const lost = '-net_admin,-net_raw'
      const without = ['--bounding-set', lost, '--inh-caps', lost]
      const [message = ''] = await script(body, 'setpriv', ...without)
      advised(message)
      t.deepEqual(await script(body), ['works'])
    },
  },
  {
    advice:
      '--bind-device (bindDevice) must name an interface in the namespace of the socket: "ip link" lists them',
    run: async (room) => {
      await withUnderlay(room)
      const peer = '192.0.2.7'
      await expectStarts(room, { peer, bindDevice: 'no-such' }, { peer, bindDevice: 'up0' })
    },
  },
  {
    advice: 'give the interface that leads to the peer',
    run: async (room) => {
      await withUnderlay(room)
      await room.ip('tuntap add dev vpn7 mode tun')
      const options = { peer: '192.0.2.7', name: 'vpn7' }
      await expectStarts(
        room,
        { ...options, bindDevice: 'vpn7' },
        { ...options, bindDevice: 'up0' },
      )
    },
  },
  {
    advice: 'give {address}%{device}, or bind the sockets to {zone}',
    run: async (room) => {
      await withUnderlay(room)
      await expectStarts(
        room,
        { peer: 'fe80::7%up1', bindDevice: 'up0' },
        { peer: 'fe80::7%up0', bindDevice: 'up0' },
        { peer: 'fe80::7%up1', bindDevice: 'up1' },
      )
    },
  },
  {
    advice: 'check NOTIFY_SOCKET, or unset it',
    run: async ({ t, advised, script }) => {
      const body = `
        process.env.NOTIFY_SOCKET = '/nowhere/notify'
        say(await attempt(() => tun2udp.sdNotify('READY=1')))
        delete process.env.NOTIFY_SOCKET
        say(await attempt(() => tun2udp.sdNotify('READY=1')))`
      const [message = '', then] = await script(body)
      advised(message)
      t.is(then, 'works')
    },
  },
  {
    advice: 'check the name, or give an address',
    run: async (room) => {
      await room.refused(start(room, { peer: 'no-such-host.invalid' }))
      await start(room, { peer: 'localhost', family: 4 })
      await start(room, { peer: '127.0.0.1' })
    },
  },
  {
    advice: 'check /etc/resolv.conf, or give an address',
    run: async (room) => {
      // The namespace has no network, so no name server replies.
      await expectStarts(room, { peer: 'host.example.org' }, { peer: '127.0.0.1' })
    },
  },
  {
    advice: 'leave it out',
    of: 'the ends of a relay',
    run: async (room) => {
      const endpoint = { address: '127.0.0.1', port: 5_001 }
      const ends = { addresses: ADDRESSES, netns: room.netns, peers: [{ endpoint }] }
      const local = { address: '127.0.0.1', port: 0 }
      await room.refused(startRelay({ ...ends, listen: local, sendPort: 5_001 }))
      await room.refused(startRelay({ ...ends, listen: local, receivePort: 0 }))
      await (await startRelay({ ...ends, listen: local })).close()
    },
  },
  {
    advice: 'add an address, or write 0.0.0.0/0 or ::/0',
    run: async (room) => {
      const { netns, refused } = room
      const open = async (options: TunOptions) => (await openTun({ netns, ...options })).close()
      await refused(open({ routes: ['default'] }))
      await open({ routes: ['default'], addresses: ADDRESSES })
      await open({ routes: ['0.0.0.0/0'] })
    },
  },
  {
    advice: 'use an object of plain values',
    run: async (room) => {
      const { netns, refused } = room
      const options = { ...PORTS, addresses: ADDRESSES, netns }
      const hostile = Object.defineProperty({ ...options }, 'mtu', {
        enumerable: true,
        get: () => {
          throw new Error('not now')
        },
      })
      await refused(startRelay(hostile))
      await start(room, { mtu: 1_400 })
    },
  },
])
