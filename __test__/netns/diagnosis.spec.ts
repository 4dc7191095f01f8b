import { once } from 'node:events'
import { setTimeout as delay } from 'node:timers/promises'
import type { ExecutionContext } from 'ava'
import { type Relay, type RelayOptions, inNamespace } from '../../index.ts'
import { type Namespace, withNamespace } from '../support/namespace.ts'
import { hasTools, rootTest as test } from '../support/skip.ts'

/** As long as a busy machine may need, milliseconds. */
const LIMIT_MS = 60_000

/** Two machines with a cable, 192.0.2.1 and 192.0.2.2. */
async function withMachines(t: ExecutionContext): Promise<{ near: Namespace; far: Namespace }> {
  const [near, far] = [await withNamespace(t), await withNamespace(t)]
  await near.run(
    'ip',
    'link',
    'add',
    'up0',
    'type',
    'veth',
    'peer',
    'name',
    'up0',
    'netns',
    far.name,
  )
  for (const [{ run }, address] of [
    [near, '192.0.2.1/24'],
    [far, '192.0.2.2/24'],
  ] as const) {
    await run('ip', 'address', 'add', address, 'dev', 'up0')
    await run('ip', 'link', 'set', 'up0', 'up')
  }
  return { near, far }
}

/** Starts a relay on a machine, to port 5001 of the other one unless `options` differ. */
async function start(
  t: ExecutionContext,
  { name }: Namespace,
  options: Partial<RelayOptions> = {},
): Promise<Relay> {
  const machine = inNamespace(name)
  const single = options.peers ? {} : { peer: '192.0.2.2', sendPort: 5001, receivePort: 5001 }
  const relay = await machine.startRelay({ addresses: ['10.9.0.1/24'], ...single, ...options })
  t.teardown(async () => {
    await relay.close()
    await machine.close()
  })
  return relay
}

/** Sends packets into the interface; no reply is needed. */
async function ping({ run }: Namespace, address = '10.9.0.2', ...options: string[]): Promise<void> {
  await run('ping', '-q', '-c', '3', '-i', '0.05', '-W', '0.05', ...options, address).catch(
    () => undefined,
  )
}

/** Calls `act` until a problem matches; returns it. */
async function problem(
  t: ExecutionContext,
  relay: Relay,
  pattern: RegExp,
  act: () => Promise<unknown> = () => Promise.resolve(),
): Promise<string> {
  const end = Date.now() + LIMIT_MS
  let problems: string[] = []
  while (Date.now() < end) {
    await act()
    problems = relay.diagnose()
    const found = problems.find((text) => pattern.test(text))
    if (found !== undefined) {
      t.regex(found, /^[A-Z\d].*\.$/su, 'whole sentences')
      return found
    }
    await delay(100)
  }
  throw new Error(`no ${String(pattern)} in ${JSON.stringify(problems, undefined, 1)}`)
}

/** Sends a datagram from a machine to the relay. */
async function send({ name }: Namespace, payload: Buffer, from = '192.0.2.2'): Promise<void> {
  const machine = inNamespace(name)
  const socket = machine.createSocket('udp4')
  try {
    socket.bind({ address: from })
    await once(socket, 'listening')
    await new Promise((resolve) => {
      socket.send(payload, 5001, '192.0.2.1', resolve)
    })
  } finally {
    socket.close()
    await machine.close()
  }
}

/** An IPv4 packet without payload. */
function packet(source: string): Buffer {
  const bytes = Buffer.from('450000140000000040fd00000000000010090001'.padEnd(40, '0'), 'hex')
  bytes.set(source.split('.').map(Number), 12)
  bytes.set([10, 9, 0, 1], 16)
  return bytes
}

test('a tunnel that works has no problem', async (t) => {
  if (!hasTools(t, 'ping')) return
  const { near, far } = await withMachines(t)
  const relay = await start(t, near)
  const other = await start(t, far, { addresses: ['10.9.0.2/24'], peer: '192.0.2.1' })
  await near.run('ping', '-c', '2', '-i', '0.1', '10.9.0.2')
  await delay(3100)
  t.deepEqual(relay.diagnose(), [])
  t.deepEqual(other.diagnose(), [])
})

test('the other end does not run: its machine refuses the datagrams', async (t) => {
  if (!hasTools(t, 'ping')) return
  const { near } = await withMachines(t)
  const relay = await start(t, near)
  const found = await problem(t, relay, /no program listens/u, async () => ping(near))
  t.regex(found, /192\.0\.2\.2:5001 refuses .* UDP port 5001 .* receives at 0\.0\.0\.0:5001/u)
})

test('a firewall drops the datagrams: no reply and no refusal', async (t) => {
  if (!hasTools(t, 'ping', 'nft')) return
  const { near, far } = await withMachines(t)
  const rules =
    'table ip f { chain i { type filter hook input priority 0; udp dport 5001 drop; }; }'
  await far.run('nft', rules)
  const relay = await start(t, near)
  const found = await problem(t, relay, /and none was refused/u, async () => ping(near))
  t.regex(found, /No datagram has come from the peer 192\.0\.2\.2:5001 since the start/u)
  t.regex(found, /permit UDP to port 5001 here/u)
})

test('a firewall of this machine forbids the datagrams', async (t) => {
  if (!hasTools(t, 'ping', 'nft')) return
  const { near } = await withMachines(t)
  const rules =
    'table ip f { chain o { type filter hook output priority 0; udp dport 5001 drop; }; }'
  await near.run('nft', rules)
  const relay = await start(t, near)
  await problem(t, relay, /forbids datagrams to the peer 192\.0\.2\.2:5001/u, async () =>
    ping(near),
  )
})

test('a router reports that the peer cannot be reached, and without a route this machine does', async (t) => {
  if (!hasTools(t, 'ping')) return
  const { near } = await withMachines(t)
  const relay = await start(t, near, { peer: '198.51.100.1' })
  const found = await problem(t, relay, /no route to/u, async () => ping(near))
  t.regex(found, /"ip route get 198\.51\.100\.1"/u)
  await near.run('ip', 'route', 'add', '198.51.100.0/24', 'dev', 'up0')
  // No machine has the address: the kernel finds that out and reports it to the socket.
  await problem(t, relay, /cannot be reached/u, async () => ping(near))
})

test('the interface is down, also under another name', async (t) => {
  const { near } = await withMachines(t)
  const relay = await start(t, near, { name: 'down0' })
  await near.run('ip', 'link', 'set', 'down0', 'down')
  await problem(t, relay, /interface down0 is down.*"ip link set dev down0 up"/u)
  await near.run('ip', 'link', 'set', 'down0', 'name', 'down1')
  await problem(t, relay, /interface down1 \(it was down0\) is down/u)
  await near.run('ip', 'link', 'set', 'down1', 'up')
  while (relay.interfaceState()?.isUp !== true) await delay(20)
  t.false(relay.diagnose().some((text) => text.includes('is down,')))
})

test('no route leads into the interface, and no datagram comes', async (t) => {
  const { near } = await withMachines(t)
  const relay = await start(t, near, { addresses: ['10.9.0.1/32'] })
  await problem(t, relay, /No packet has ever been read from/u)
  const problems = relay.diagnose()
  t.true(problems.some((text) => text.includes('is a single host')))
  t.true(problems.some((text) => /No datagram has come .* and none was sent/u.test(text)))
})

test('datagrams come from another address, with another content, and from another network', async (t) => {
  const { near, far } = await withMachines(t)
  await far.run('ip', 'address', 'add', '192.0.2.3/24', 'dev', 'up0')
  const relay = await start(t, near, {
    peer: '192.0.2.3',
    allowedPrefixes: ['10.9.0.2/32'],
  })
  await problem(
    t,
    relay,
    /from another address than that of the peer .*, from 192\.0\.2\.2,/u,
    async () => send(far, packet('10.9.0.2')),
  )
  await problem(t, relay, /without an IP packet/u, async () =>
    send(far, Buffer.from('PING'), '192.0.2.3'),
  )
  await problem(t, relay, /none of its networks/u, async () =>
    send(far, packet('10.7.0.1'), '192.0.2.3'),
  )
})

test('packets arrive, but none goes back', async (t) => {
  if (!hasTools(t, 'sysctl')) return
  const { near, far } = await withMachines(t)
  // Otherwise the kernel sends packets of its own.
  await near.run('sysctl', '-qw', 'net.ipv6.conf.default.disable_ipv6=1')
  const relay = await start(t, near)
  await problem(t, relay, /no packet goes back/u, async () => send(far, packet('10.7.0.1')))
})

test('a path that is narrower than the interface', async (t) => {
  if (!hasTools(t, 'ping')) return
  const { near } = await withMachines(t)
  const relay = await start(t, near)
  await near.run('ip', 'link', 'set', 'up0', 'mtu', '1300')
  const found = await problem(t, relay, /carries 1272 bytes/u, async () =>
    ping(near, '10.9.0.2', '-s', '1400', '-M', 'do'),
  )
  t.regex(found, /less than the 1472 of the interface tun\d+.*--mtu 1272/u)
  t.true(relay.diagnose().some((text) => text.includes('carries only shorter ones')))
})

test('peers: one is down, one never replied, and packets have no peer', async (t) => {
  if (!hasTools(t, 'ping')) return
  const { near, far } = await withMachines(t)
  await start(t, far, { addresses: ['10.9.0.2/24'], peer: '192.0.2.1' })
  const relay = await start(t, near, {
    listen: { port: 5001 },
    peers: [
      { name: 'up', endpoint: '192.0.2.2:5001', allowedPrefixes: ['10.9.0.2/32'] },
      { name: 'mute', endpoint: '192.0.2.77:5001', allowedPrefixes: ['10.9.0.3/32'] },
      {
        name: 'gone',
        endpoint: '192.0.2.78:5001',
        allowedPrefixes: ['10.9.0.4/32'],
        keepaliveSeconds: 1,
      },
    ],
  })
  const act = async () =>
    Promise.all(['2', '3', '9'].map(async (end) => ping(near, `10.9.0.${end}`)))
  await problem(
    t,
    relay,
    /intervals of the keepalive from the peer gone at 192\.0\.2\.78:5001/u,
    act,
  )
  await problem(t, relay, /has ever come from the peer mute at 192\.0\.2\.77:5001, although/u, act)
  await problem(t, relay, /no prefix of a peer contains/u, act)
  t.false(relay.diagnose().some((text) => text.includes('the peer up')))
})

test('a route leads the datagrams into the tunnel, and then does not', async (t) => {
  if (!hasTools(t, 'ping')) return
  const { near } = await withMachines(t)
  const relay = await start(t, near, { peer: '192.0.2.9' })
  const { name } = relay.info.interface
  await near.run('ip', 'route', 'add', '192.0.2.9/32', 'dev', name)
  const loops = /datagrams to the peer 192\.0\.2\.9 into the tunnel itself/u
  await problem(t, relay, loops, async () => ping(near))
  await near.run('ip', 'route', 'delete', '192.0.2.9/32', 'dev', name)
  while (
    relay
      .diagnose()
      .some((text) => text.includes('datagrams to the peer 192.0.2.9 into the tunnel itself'))
  )
    await ping(near)
  t.pass()
})

test('the peer is the relay itself, and the queue of the interface overflows', async (t) => {
  if (!hasTools(t, 'python3')) return
  const { near } = await withMachines(t)
  const relay = await start(t, near, { peer: '127.0.0.1', txQueueLength: 1 })
  await problem(t, relay, /The peer 127\.0\.0\.1:5001 is the relay's own socket/u)
  const flood = `
import socket
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
for _ in range(20000): s.sendto(b"x", ("10.9.0.2", 7))`
  await problem(t, relay, /dropped .* packets since its queue was full/u, async () =>
    near.run('python3', '-c', flood),
  )
})
