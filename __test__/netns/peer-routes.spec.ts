import type { TestHost } from '../../index.ts'
import { PORT, hubNetwork, spokePeer, startHub } from '../support/hub.ts'
import { rootTest as test } from '../support/skip.ts'

/** Returns the networks of both families that are routed through the interface, except those of its addresses. */
async function routesOf(hub: TestHost): Promise<string[]> {
  const { stdout } = await hub.run('ip', ['-j', 'route', 'show', 'dev', 'vpn0'])
  const six = await hub.run('ip', ['-6', '-j', 'route', 'show', 'dev', 'vpn0'])
  const all = [...(JSON.parse(stdout) as object[]), ...(JSON.parse(six.stdout) as object[])]
  return (all as { dst: string; protocol: string }[])
    .filter(({ protocol }) => protocol !== 'kernel')
    .map(({ dst }) => dst)
    .sort()
}

test('routes: true follows the networks of the peers', async (t) => {
  const { hosts, relay } = await startHub(t, {
    addresses: ['10.9.0.1/24', 'fd09::1/64'],
    peers: [spokePeer('a', '10.20.1.0/24', '10.9.0.0/24'), spokePeer('b', 'fd20:2::/64')],
    routes: true,
  })
  const routes = async () => routesOf(hosts.hub)
  const first = ['10.20.1.0/24', '10.9.0.2', '10.9.0.3', 'fd20:2::/64']
  t.deepEqual(await routes(), first)
  await relay.peers.add(spokePeer('c', '10.20.3.0/24', 'fd20:3::/64'))
  t.deepEqual(await routes(), [...first, '10.20.3.0/24', '10.9.0.4', 'fd20:3::/64'].sort())
  // A network that moves keeps its route.
  await relay.peers.replace([spokePeer('b', '10.20.1.0/24', '::/0'), spokePeer('c')])
  t.deepEqual(await routes(), ['10.20.1.0/24', '10.9.0.3', '10.9.0.4', '8000::/1', '::/1'])
  // The network of an address has a route already, which stays.
  await relay.peers.set('c', { allowedPrefixes: ['10.9.0.0/24'] })
  await relay.peers.set('c', { allowedPrefixes: ['10.9.0.4/32'] })
  t.regex((await hosts.hub.run('ip', ['route'])).stdout, /^10\.9\.0\.0\/24 dev vpn0 proto kernel/mu)
  // Routes of others stay, and a change that needs one of them is refused as a whole.
  await hosts.hub.run('ip', ['route', 'add', '10.30.0.0/16', 'dev', 'eth0'])
  const before = await routes()
  await t.throwsAsync(relay.peers.set('c', { allowedPrefixes: ['10.31.0.0/16', '10.30.0.0/16'] }), {
    code: 'ERR_TUN_EXISTS',
    message: /10\.30\.0\.0\/16/u,
  })
  const loop = { code: 'ERR_TUN_ROUTE_LOOP', message: /the peer 192\.0\.2\.3 would be sent into/u }
  await t.throwsAsync(relay.peers.set('c', { allowedPrefixes: ['192.0.2.3/32'] }), loop)
  await t.throwsAsync(
    relay.peers.add({
      name: 'd',
      endpoint: ['192.0.2.77:1', '10.20.1.5:1'],
      allowedPrefixes: ['10.20.4.0/24'],
    }),
    { code: 'ERR_TUN_ROUTE_LOOP', message: /the peer 10\.20\.1\.5 would be sent into/u },
  )
  t.deepEqual(await routes(), before)
  t.deepEqual(relay.peers.list()[1]?.allowedPrefixes, ['10.9.0.4/32'])
  // The underlay itself is a shorter route than that to the network of the peer.
  await relay.peers.set('c', { allowedPrefixes: ['192.0.0.0/16'] })
  t.deepEqual((await routes()).includes('192.0.0.0/16'), true)
})

test('an interface that existed before keeps its own routes, and no others', async (t) => {
  const { hosts } = await hubNetwork(t)
  const ip = async (...args: string[]) => (await hosts.hub.run('ip', args)).stdout
  await ip('tuntap', 'add', 'dev', 'kept0', 'mode', 'tun')
  await ip('address', 'add', '10.9.0.1/24', 'dev', 'kept0')
  await ip('link', 'set', 'kept0', 'up')
  await ip('route', 'add', '10.20.2.0/24', 'dev', 'kept0')
  const relay = await hosts.hub.startRelay({
    addresses: ['10.9.0.1/24'],
    name: 'kept0',
    receivePort: PORT,
    peers: [spokePeer('a', '10.20.1.0/24', '10.20.2.0/24')],
    routes: true,
  })
  await relay.peers.add(spokePeer('b', '10.20.3.0/24'))
  const during = await ip('route', 'show', 'dev', 'kept0')
  for (const network of ['10.20.1.0/24', '10.20.2.0/24', '10.20.3.0/24', '10.9.0.3']) {
    t.true(during.includes(network), network)
  }
  await relay.peers.set('a', { allowedPrefixes: [] })
  const after = await ip('route', 'show', 'dev', 'kept0')
  t.true(after.includes('10.20.2.0/24') && !after.includes('10.20.1.0/24'), after)
  await relay.close()
  const routes = (await ip('route', 'show', 'dev', 'kept0')).trim().split('\n')
  t.deepEqual(
    routes.map((line) => line.split(' ')[0]),
    ['10.9.0.0/24', '10.20.2.0/24'],
  )
})
