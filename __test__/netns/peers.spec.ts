import type { Relay, RelayOptions, TestHost } from '../../index.ts'
import {
  PORT,
  assertAllExchange,
  assertAllPings,
  hubNetwork,
  pings,
  spokePeer,
  startHub,
  startStream,
} from '../support/hub.ts'
import { hasTools, rootTest as test } from '../support/skip.ts'

const ADDRESSES = { hub: '10.9.0.1', a: '10.9.0.2', b: '10.9.0.3', c: '10.9.0.4' }
const INVALID = 'ERR_TUN_INVALID_ARGUMENT'

/** Returns whether a ping with this source is answered. */
async function pingFrom(host: TestHost, source: string, address: string): Promise<boolean> {
  const ping = host.run('ping', ['-nqc', '1', '-W', '1', '-I', source, address])
  return ping.then(
    () => true,
    () => false,
  )
}

const names = (relay: Relay) => relay.peers.list().map(({ name }) => name)

test('a hub and its spokes reach each other, and the counters of the peers say so', async (t) => {
  if (!hasTools(t, 'ping')) return
  const { hosts, relay } = await startHub(t)
  await assertAllPings(t, hosts, ADDRESSES)
  await assertAllExchange(t, hosts, ADDRESSES)
  const { outbound, inbound } = relay.stats()
  const all = relay.peers.list()
  t.deepEqual(
    all.map(({ name, endpoint, allowedPrefixes }) => [name, endpoint, allowedPrefixes]),
    [
      ['a', { address: '192.0.2.2', port: PORT }, ['10.9.0.2/32']],
      ['b', { address: '192.0.2.3', port: PORT }, ['10.9.0.3/32']],
      ['c', { address: '192.0.2.4', port: PORT }, ['10.9.0.4/32']],
    ],
  )
  const sum = (name: 'datagramsSent' | 'bytesSent' | 'datagramsReceived' | 'bytesReceived') =>
    all.reduce((total, { traffic }) => total + (traffic?.[name] ?? 0), 0)
  t.true(sum('datagramsSent') >= 9)
  t.deepEqual(
    [sum('datagramsSent'), sum('bytesSent'), sum('datagramsReceived'), sum('bytesReceived')],
    [outbound.datagramsSent, outbound.bytesSent, inbound.datagramsReceived, inbound.bytesReceived],
  )
  t.true(all.every(({ traffic }) => (traffic?.silentForMillis ?? -1) >= 0))
  t.true(all.every(({ traffic }) => traffic?.foreignPrefix === 0 && traffic.outboundDropped === 0))
  // A spoke that uses the address of another one gets nothing through, and is counted.
  await hosts.c.run('ip', ['address', 'add', '10.9.0.2/32', 'dev', 'tun0'])
  t.false(await pingFrom(hosts.c, '10.9.0.2', ADDRESSES.b))
  t.true((relay.peers.list()[2]?.traffic?.foreignPrefix ?? 0) > 0)
  t.is(relay.peers.list()[0]?.traffic?.foreignPrefix, 0)
})

test('peers are added, changed and removed, and the others lose no packet', async (t) => {
  if (!hasTools(t, 'ping')) return
  const { hosts, relay } = await startHub(t, { peers: [spokePeer('a'), spokePeer('b')] })
  t.true((await pings(hosts.a, ADDRESSES.b)) && !(await pings(hosts.a, ADDRESSES.c, 1)))
  const stream = await startStream(hosts.a, hosts.b, ADDRESSES.b)
  await relay.peers.add(spokePeer('c'))
  t.true(await pings(hosts.hub, ADDRESSES.c))
  for (let round = 0; round < 20; round++) {
    await relay.peers.add({
      name: `d${round}`,
      endpoint: `192.0.2.100:${PORT + round}`,
      allowedPrefixes: [`10.9.1.${round}/32`],
    })
    await relay.peers.set('c', { allowedPrefixes: ['10.9.0.4/32', `10.9.2.${round}/32`] })
    await relay.peers.remove(`d${round}`)
  }
  t.deepEqual(names(relay), ['a', 'b', 'c'])
  await relay.peers.remove('c')
  t.false(await pings(hosts.hub, ADDRESSES.c, 1))
  const { sent, received } = await stream.stop()
  t.true(sent > 100)
  t.is(received, sent)
})

test('a thousand peers are added and removed by one call, and the others lose no packet', async (t) => {
  if (!hasTools(t, 'ping')) return
  const { hosts, relay } = await startHub(t)
  t.true(await pings(hosts.a, ADDRESSES.b))
  const peer = (number: number) => ({
    name: `p${number}`,
    endpoint: `192.0.2.200:${number + 1}`,
    allowedPrefixes: [`10.30.${number >> 8}.${number & 255}/32`],
  })
  const [first, ...more] = Array.from({ length: 1000 }, (_, number) => peer(number))
  const stream = await startStream(hosts.a, hosts.b, ADDRESSES.b)
  for (let round = 0; round < 3; round++) {
    await relay.peers.add(first ?? peer(0), ...more)
    t.is(relay.peers.list().length, 1003)
    // One that is not possible refuses all.
    await t.throwsAsync(relay.peers.add({ ...peer(2000) }, peer(1)), {
      code: INVALID,
      message: /^Invalid peers\[1\]\.name "p1": .*; the peer "p1" has it too$/u,
    })
    await t.throwsAsync(relay.peers.remove('p1', 'p2000'), { code: 'ERR_TUN_NOT_FOUND' })
    t.is(relay.peers.list().length, 1003)
    await relay.peers.remove('p0', ...more.map(({ name }) => name))
    t.deepEqual(names(relay), ['a', 'b', 'c'])
  }
  const { sent, received } = await stream.stop()
  t.true(sent > 0)
  t.is(received, sent)
})

test('calls in a row are done in their order, and a refused one changes nothing', async (t) => {
  const { relay } = await startHub(t)
  const { peers } = relay
  const e = { name: 'e', endpoint: '192.0.2.9:1', allowedPrefixes: ['10.9.0.9/32'] }
  const calls = [
    peers.add(e),
    peers.add(e),
    peers.set('e', { endpoint: `192.0.2.2:${PORT}` }),
    peers.set('e', { endpoint: '192.0.2.9:2' }),
    peers.remove('a'),
    peers.remove('a'),
    peers.replace([spokePeer('a'), e]),
    peers.replace([spokePeer('a'), { ...spokePeer('b'), allowedPrefixes: ['10.9.0.2'] }]),
  ]
  const results = await Promise.allSettled(calls)
  const shown = results.map((result) =>
    result.status === 'rejected' ? (result.reason as Error).message : 'done',
  )
  t.deepEqual(
    shown.map((message) => message === 'done'),
    [true, false, false, true, true, false, true, false],
  )
  t.regex(shown[1] ?? '', /^Invalid peer\.name "e": expected a name .*; the peer "e" has it too$/u)
  t.regex(shown[2] ?? '', /^Invalid changes\.endpoint .*; the peer "a" has it too$/u)
  t.regex(shown[5] ?? '', /^find the peer "a": there is none of this name; /u)
  t.regex(shown[7] ?? '', /^Invalid peers\[1\]\.allowedPrefixes\[0\] .*; peers\[0\] has it too$/u)
  t.deepEqual(names(relay), ['a', 'e'])
  t.deepEqual(peers.list()[1]?.endpoint, { address: '192.0.2.9', port: 1 })
  t.deepEqual(await peers.replace([e, spokePeer('a')]), { added: [], changed: [], removed: [] })
  await t.throwsAsync(peers.add({ ...e, endpont: 'x' } as never), {
    code: INVALID,
    message: /^Invalid property of peer "endpont": .*; did you mean endpoint\?$/u,
  })
  await t.throwsAsync(peers.set('e', { name: 'f' } as never), { code: INVALID })
  await t.throwsAsync(peers.set('nobody', {}), { code: 'ERR_TUN_NOT_FOUND' })
  await relay.close()
  t.deepEqual(names(relay), ['a', 'e'])
  await t.throwsAsync(peers.remove('e'), { code: 'ERR_TUN_CLOSED' })
})

test('a relay of a single peer that gets every packet keeps it', async (t) => {
  const { hosts } = await hubNetwork(t)
  const relay = await hosts.a.startRelay({
    addresses: ['10.9.0.2/24'],
    receivePort: PORT,
    peers: [{ endpoint: `192.0.2.1:${PORT}` }],
  })
  t.deepEqual(
    relay.peers.list().map((peer) => [peer.name, peer.allowedPrefixes, peer.followPort]),
    [[`192.0.2.1:${PORT}`, ['0.0.0.0/0', '::/0'], false]],
  )
  const { addresses } = relay.info.interface
  t.deepEqual(addresses, ['10.9.0.2/24'])
  await t.throwsAsync(relay.peers.set(`192.0.2.1:${PORT}`, { endpoint: '192.0.2.1:1' }), {
    code: INVALID,
    message: /single peer, which gets every packet; start the relay with `allowedPrefixes`/u,
  })
})

test('a peer in the mode tap may have a keepalive and several endpoints, and no networks', async (t) => {
  const { hosts } = await hubNetwork(t)
  const options: RelayOptions = { mode: 'tap', addresses: [], receivePort: PORT }
  const peer = { name: 'a', endpoint: ['192.0.2.2:5001', '192.0.2.3:5001'], keepaliveSeconds: 1 }
  const relay = await hosts.hub.startRelay({ ...options, peers: [peer] })
  const [state] = relay.peers.list()
  t.deepEqual([state?.allowedPrefixes, state?.keepaliveSeconds], [[], 1])
  await relay.close()
  const limited = { ...peer, allowedPrefixes: ['10.9.0.2/32'] }
  await t.throwsAsync(hosts.hub.startRelay({ ...options, peers: [limited] }), {
    code: INVALID,
    message: /10\.9\.0\.2\/32: prefixes do not contain frames/u,
  })
})

test('reload changes peers only, and refuses anything else as a whole', async (t) => {
  const { hosts } = await hubNetwork(t)
  const options: RelayOptions = {
    addresses: ['10.9.0.1/24'],
    receivePort: PORT,
    mtu: 1400,
    peers: [spokePeer('a'), spokePeer('b')],
    routes: true,
  }
  const relay = await hosts.hub.startRelay(options)
  const none = { added: [], changed: [], removed: [] }
  t.deepEqual(await relay.reload(options), none)
  t.deepEqual(await relay.reload({ ...options, queues: 'auto', name: undefined }), none)
  const next = { ...options, peers: [spokePeer('b', '10.20.2.0/24'), spokePeer('c')] }
  t.deepEqual(await relay.reload(next), { added: ['c'], changed: ['b'], removed: ['a'] })
  t.deepEqual(await relay.reload(next), none)
  for (const [change, message] of [
    [{ mtu: 1300 }, /^Invalid mtu 1300: expected 1400 as at the start; start the relay again/u],
    [{ mtu: undefined }, /^Invalid mtu undefined: expected 1400 as at the start/u],
    [{ accept: 'any' }, /^Invalid accept "any": expected its default as at the start/u],
    [{ addresses: ['10.9.0.1/16'] }, /^Invalid addresses array: expected the value of the start/u],
    [{ routes: [] }, /^Invalid routes array: expected true as at the start/u],
    [{ peers: undefined, sendPort: 1 }, /^Invalid routes true: expected networks, or peers/u],
    [{ mtuu: 1 }, /^Invalid property of options "mtuu"/u],
  ] as const) {
    const refused = { ...next, peers: [spokePeer('a')], ...change } as RelayOptions
    await t.throwsAsync(relay.reload(refused), { code: INVALID, message })
  }
  t.deepEqual(names(relay), ['b', 'c'])
  const plain = { addresses: ['10.9.0.2/24'], sendPort: PORT, receivePort: PORT, peer: '192.0.2.1' }
  const spoke = await hosts.a.startRelay(plain)
  t.deepEqual(await spoke.reload(plain), none)
  await t.throwsAsync(spoke.reload({ ...plain, peer: '192.0.2.9' }), { message: /^Invalid peer/u })
})
