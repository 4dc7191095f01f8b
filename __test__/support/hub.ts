import { once } from 'node:events'
import { setTimeout as sleep } from 'node:timers/promises'
import type { ExecutionContext } from 'ava'
import {
  type Relay,
  type RelayOptions,
  type RelayPeer,
  type TestHost,
  type TestNetwork,
  testNetwork,
} from '../../index.ts'
import { there } from './there.ts'

/** The port of every relay in a network of {@link hubNetwork}. */
export const PORT = 5001

/** The spokes, with the last part of their addresses: 192.0.2.N outside, 10.9.0.N inside. */
export const SPOKES = { a: 2, b: 3, c: 4 } as const

export type Spoke = keyof typeof SPOKES

/** Builds a hub and three spokes on one switch. It is removed after the test. */
export async function hubNetwork(t: ExecutionContext): Promise<TestNetwork<'hub' | Spoke>> {
  const network = await testNetwork({
    hosts: { hub: { router: true }, a: {}, b: {}, c: {} },
    links: [
      { ends: { hub: '192.0.2.1/24', a: '192.0.2.2/24', b: '192.0.2.3/24', c: '192.0.2.4/24' } },
    ],
  })
  t.teardown(() => network.close())
  return network
}

/** Returns a spoke as a peer of the hub. */
export function spokePeer(name: Spoke, ...prefixes: string[]): RelayPeer {
  const number = SPOKES[name]
  return {
    name,
    endpoint: `192.0.2.${number}:${PORT}`,
    allowedPrefixes: [`10.9.0.${number}/32`, ...prefixes],
  }
}

/** Starts the relay of a spoke, which sends everything to the hub. */
export async function startSpoke(host: TestHost, name: Spoke): Promise<void> {
  await host.startRelay({
    addresses: [`10.9.0.${SPOKES[name]}/24`],
    receivePort: PORT,
    peers: [{ endpoint: `192.0.2.1:${PORT}` }],
  })
}

/** Starts a hub with these options, and its spokes. */
export async function startHub(
  t: ExecutionContext,
  options: Partial<RelayOptions> = {},
): Promise<{ hosts: TestNetwork<'hub' | Spoke>['hosts']; relay: Relay }> {
  const { hosts } = await hubNetwork(t)
  const relay = await hosts.hub.startRelay({
    addresses: ['10.9.0.1/24'],
    name: 'vpn0',
    receivePort: PORT,
    peers: [spokePeer('a'), spokePeer('b'), spokePeer('c')],
    ...options,
  })
  await Promise.all((['a', 'b', 'c'] as const).map(async (name) => startSpoke(hosts[name], name)))
  return { hosts, relay }
}

/** Returns whether a ping is answered, of several attempts. Each waits for a number of seconds. */
export async function pings(
  host: TestHost,
  address: string,
  attempts = 5,
  seconds = 2,
): Promise<boolean> {
  for (let attempt = 0; attempt < attempts; attempt++) {
    try {
      await host.run('ping', ['-nqc', '1', '-W', String(seconds), address])
      return true
    } catch {
      // Not answered, or refused by ICMP.
    }
  }
  return false
}

/** Asserts that each of the hosts reaches the others. */
export async function assertAllPings(
  t: ExecutionContext,
  hosts: Readonly<Record<string, TestHost>>,
  addresses: Readonly<Record<string, string>>,
): Promise<void> {
  for (const [from, host] of Object.entries(hosts)) {
    for (const [to, address] of Object.entries(addresses)) {
      if (from !== to) t.true(await pings(host, address), `${from} to ${to}`)
    }
  }
}

/** Asserts that each of the hosts exchanges data with the others over TCP, and datagrams over UDP. */
export async function assertAllExchange(
  t: ExecutionContext,
  hosts: Readonly<Record<string, TestHost>>,
  addresses: Readonly<Record<string, string>>,
): Promise<void> {
  for (const [to, host] of Object.entries(hosts)) {
    const inner = there(addresses[to])
    const server = host.listen({ port: 7001, host: inner }, (socket) => socket.pipe(socket))
    const sink = host.createSocket('udp4')
    sink.on('message', (message, { port, address }) => {
      sink.send(message, port, address)
    })
    sink.bind(7001, inner)
    await Promise.all([once(server, 'listening'), once(sink, 'listening')])
    for (const [from, other] of Object.entries(hosts)) {
      if (from === to) continue
      t.is(await overTcp(other, inner), TRANSFER_BYTES, `TCP from ${from} to ${to}`)
      t.true(await overUdp(other, inner), `UDP from ${from} to ${to}`)
    }
    server.close()
    sink.close()
  }
}

/** Bytes of a transfer over TCP: several super-packets. */
const TRANSFER_BYTES = 300_000

/** Sends bytes to an echo server, and returns the number of those that come back. */
async function overTcp(from: TestHost, host: string): Promise<number> {
  const socket = from.connect({ host, port: 7001 })
  socket.end(Buffer.alloc(TRANSFER_BYTES, 7))
  let bytes = 0
  for await (const chunk of socket) bytes += (chunk as Buffer).length
  return bytes
}

/** Returns whether a datagram comes back from an echo server, of several attempts. */
async function overUdp(from: TestHost, host: string): Promise<boolean> {
  const socket = from.createSocket('udp4')
  try {
    const answered = once(socket, 'message').then(() => true)
    for (let attempt = 0; attempt < 20; attempt++) {
      socket.send('datagram', 7001, host)
      if (await Promise.race([answered, sleep(250, false)])) return true
    }
    return false
  } finally {
    socket.close()
  }
}

/** Numbered datagrams through the tunnel, until the stream is stopped. */
export interface Stream {
  /** Stops the stream. Returns the numbers of datagrams sent and received. */
  readonly stop: () => Promise<{ sent: number; received: number }>
}

/** Sends datagrams from one host to another, in bursts that no queue on the way is too short for. */
export async function startStream(from: TestHost, to: TestHost, address: string): Promise<Stream> {
  const sink = to.createSocket('udp4')
  const seen = new Set<number>()
  sink.on('message', (message) => seen.add(message.readUInt32BE(0)))
  sink.bind(7000, address)
  await once(sink, 'listening')
  const source = from.createSocket('udp4')
  let sent = 0
  const stopped = new AbortController()
  const isStopped = () => stopped.signal.aborted
  const send = async () => {
    const packet = Buffer.alloc(100)
    packet.writeUInt32BE(sent)
    await new Promise<void>((resolve, reject) => {
      source.send(packet, 7000, address, (error) => {
        if (error) reject(error)
        else resolve()
      })
    })
    sent++
  }
  const sending = (async () => {
    while (!isStopped()) {
      for (let burst = 0; burst < 10 && !isStopped(); burst++) await send()
      // A slow machine must not fill the queues.
      for (let wait = 0; sent - seen.size > 100 && wait < 500; wait++) await sleep(2)
      await sleep(1)
    }
  })()
  const stop = async () => {
    stopped.abort()
    await sending
    for (let wait = 0; seen.size < sent && wait < 200; wait++) await sleep(10)
    source.close()
    sink.close()
    return { sent, received: seen.size }
  }
  return { stop }
}
