import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import type { ExecutionContext } from 'ava'
import type { Relay, TestHost } from '../../index.ts'
import { eventually } from '../support/gone.ts'
import { pings } from '../support/hub.ts'
import { HOME, HUB, type NatNetwork, PORT, STRANGER, withNat } from '../support/nat.ts'
import { hasTools, rootTest as test } from '../support/skip.ts'

const SNIFF = fileURLToPath(new URL('../support/sniff.py', import.meta.url))
const [HUB_INSIDE, SPOKE_INSIDE] = ['10.9.0.1', '10.9.0.2']
/** The longest wait on a busy machine, milliseconds. */
const SLOW_MS = 60_000

/** Both ends of the tunnel. */
interface Ends {
  readonly hubRelay: Relay
  readonly spokeRelay: Relay
}

/** Starts a relay on the hub that follows the port of the spoke, and one on the spoke. */
async function withEnds(
  t: ExecutionContext,
  { hub, spoke }: NatNetwork,
  keepaliveSeconds: number,
): Promise<Ends> {
  const hubRelay = await hub.startRelay({
    addresses: [`${HUB_INSIDE}/24`],
    listen: { port: PORT },
    peers: [
      {
        name: 'spoke',
        endpoint: `${HOME}:${PORT}`,
        allowedPrefixes: [`${SPOKE_INSIDE}/32`],
        // A keepalive shows that the spoke receives on the port that it sends from.
        followPort: keepaliveSeconds > 0 ? 'auto' : true,
      },
    ],
  })
  t.teardown(() => hubRelay.close())
  const spokeRelay = await spoke.startRelay({
    addresses: [`${SPOKE_INSIDE}/24`],
    listen: { port: PORT },
    peers: [
      {
        name: 'hub',
        endpoint: `${HUB}:${PORT}`,
        allowedPrefixes: ['10.9.0.0/24'],
        keepaliveSeconds,
      },
    ],
  })
  t.teardown(() => spokeRelay.close())
  return { hubRelay, spokeRelay }
}

/** Sends one packet and returns whether it was answered. */
const ping = async (host: TestHost, address: string, seconds = 5) =>
  pings(host, address, 1, seconds)

/** Returns the endpoint of the spoke as the hub has it. */
function endpoint({ hubRelay }: Ends): string {
  const [peer] = hubRelay.peers.list()
  return `${peer?.endpoint.address}:${peer?.endpoint.port}`
}

/** Asserts that the hub sends to the router, to a port of this range. */
function assertMapped(t: ExecutionContext, ends: Ends, from: number): void {
  const [address, port] = endpoint(ends).split(':')
  t.is(address, HOME)
  t.true(Number(port) >= from && Number(port) < from + 1000, `port ${port} is not of the mapping`)
}

/** Sends packets from the hub until the condition holds. */
async function pingUntil(
  t: ExecutionContext,
  hub: TestHost,
  condition: () => boolean,
): Promise<void> {
  const deadline = Date.now() + SLOW_MS
  while (!condition() && Date.now() < deadline) await ping(hub, SPOKE_INSIDE, 0.1)
  t.true(condition())
}

test('NAT: traffic recovers with the first packet from inside', async (t) => {
  if (!hasTools(t, 'nft', 'conntrack', 'ping')) return
  t.timeout(2 * SLOW_MS)
  const network = await withNat(t)
  const { hub, spoke, map } = network
  await map(10_000, 10_999)
  const ends = await withEnds(t, network, 0)
  t.is(endpoint(ends), `${HOME}:${PORT}`)
  for (const from of [10_000, 20_000, 30_000]) {
    await map(from, from + 999)
    t.true(await ping(spoke, HUB_INSIDE), 'the first packet is answered')
    assertMapped(t, ends, from)
    t.true(await ping(hub, SPOKE_INSIDE), 'the hub reaches the spoke')
  }
  const { inbound } = ends.hubRelay.stats()
  t.is(inbound.dropped.foreignSource, 0)
})

test('NAT: traffic recovers from outside with the next keepalive', async (t) => {
  if (!hasTools(t, 'nft', 'conntrack', 'ping')) return
  t.timeout(2 * SLOW_MS)
  const network = await withNat(t)
  const { hub, map, pass } = network
  await map(10_000, 10_999)
  const ends = await withEnds(t, network, 1)
  // No packet is sent from inside.
  await pingUntil(t, hub, () => endpoint(ends) !== `${HOME}:${PORT}`)
  assertMapped(t, ends, 10_000)
  t.true(await ping(hub, SPOKE_INSIDE))
  for (const from of [20_000, 30_000]) {
    const before = endpoint(ends)
    await pass('none')
    await map(from, from + 999)
    const { keepalivesReceived, datagramsReceived } = ends.hubRelay.stats().inbound
    const { packetsWritten } = ends.spokeRelay.stats().inbound
    // One keepalive passes the router, and no reply.
    await pass('one')
    await pingUntil(t, hub, () => ends.spokeRelay.stats().inbound.packetsWritten > packetsWritten)
    const { inbound } = ends.hubRelay.stats()
    t.is(inbound.keepalivesReceived, keepalivesReceived + 1)
    t.is(inbound.datagramsReceived, datagramsReceived)
    t.not(endpoint(ends), before)
    assertMapped(t, ends, from)
    await pass('all')
    t.true(await ping(hub, SPOKE_INSIDE))
  }
})

test('NAT: without keepalives nothing recovers from outside', async (t) => {
  if (!hasTools(t, 'nft', 'conntrack', 'ping')) return
  const network = await withNat(t)
  const { hub, spoke, map } = network
  await map(10_000, 10_999)
  const ends = await withEnds(t, network, 0)
  t.true(await ping(spoke, HUB_INSIDE))
  await map(20_000, 20_999)
  t.false(await ping(hub, SPOKE_INSIDE, 1))
  assertMapped(t, ends, 10_000)
  t.is(ends.spokeRelay.stats().inbound.dropped.foreignSource, 0)
  // The router forgets the mapping that the hub has made with its own datagrams.
  await map(20_000, 20_999)
  t.true(await ping(spoke, HUB_INSIDE))
})

/** Sends from the stranger's address: pings of the hub, keepalives, and datagrams that are not packets. */
const FORGE = `
import socket
v4 = bytes.fromhex('4500001c00010000400166cc0a0900020a0900010800f7fd00010001')
v6 = bytes.fromhex('6000000000003b40' + 'fd09' + '00' * 13 + '02' + 'fd09' + '00' * 13 + '01')
sent = 0
for port in (0, ${PORT}):
    s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    s.bind(('${STRANGER}', port))
    for payload in (v4, v6, v4 + bytes(1400), b'', b'E', b'GET / HTTP/1.1', bytes(1472), b'\\xff' * 100):
        for _ in range(20):
            s.sendto(payload, ('${HUB}', ${PORT}))
            sent += 1
print(sent)
`

test('NAT: forged datagrams are neither written nor answered, and do not move the endpoint', async (t) => {
  if (!hasTools(t, 'nft', 'conntrack', 'ping', 'python3')) return
  t.timeout(2 * SLOW_MS)
  const network = await withNat(t)
  const { hub, spoke, stranger, map } = network
  await map(10_000, 10_999)
  const ends = await withEnds(t, network, 1)
  t.true(await ping(spoke, HUB_INSIDE))
  const before = endpoint(ends)
  const sniffer = stranger.spawn('python3', [SNIFF, 'eth0', 'the end'])
  const lines = createInterface(sniffer.stdout)
  const packets: string[] = []
  const ready = once(lines, 'line')
  lines.on('line', (line) => packets.push(line))
  await ready

  const written = ends.hubRelay.stats().inbound.packetsWritten
  const { stdout } = await stranger.run('python3', ['-c', FORGE])
  const forged = Number(stdout)
  t.true(forged > 300)
  const foreign = () => ends.hubRelay.stats().inbound.dropped.foreignSource
  await eventually(t, foreign, forged)
  t.is(endpoint(ends), before)
  t.true(await ping(hub, SPOKE_INSIDE), 'the tunnel is as before')
  t.true(await ping(spoke, HUB_INSIDE))
  t.is(endpoint(ends), before)
  await eventually(t, () => ends.hubRelay.stats().inbound.packetsWritten >= written + 2, true)
  const link = JSON.parse(
    (await hub.run('ip', ['-s', '-json', 'link', 'show', 'tun0'])).stdout,
  ) as {
    stats64: { rx: { packets: number } }
  }[]
  t.is(link[0]?.stats64.rx.packets, ends.hubRelay.stats().inbound.packetsWritten)

  // The marker follows anything that the relay could have answered.
  await sleep(100)
  const marker = hub.createSocket('udp4')
  marker.send('the end', 9, STRANGER, () => marker.close())
  await once(sniffer, 'exit')
  // The kernel of every host announces its IPv6 addresses (options of hop by hop, or ICMPv6).
  const received = packets.slice(1).filter((packet) => !/^6.{11}(?:00|3a)/u.test(packet))
  t.deepEqual(received, [], 'packets that the stranger received')
})
