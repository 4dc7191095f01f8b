import { spawn } from 'node:child_process'
import { readlinkSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { startRelay, type RelayStats, TunError } from '../../index.ts'
import { withNamespace } from '../support/namespace.ts'
import { assertPing } from '../support/ping.ts'
import { freeUdpPort } from '../support/ports.ts'
import { startProgram } from '../support/program.ts'
import { hasTools, rootTest as test } from '../support/skip.ts'
import { Traffic } from '../support/traffic.ts'
import { FAR, NEAR, type Tunnel, withTunnel } from '../support/tunnel.ts'

const GIB = 1 << 30

function address(prefixed: string | undefined): string {
  return prefixed?.split('/')[0] ?? ''
}

function sum(counts: object): number {
  return Object.values(counts as Record<string, number>).reduce((total, count) => total + count, 0)
}

/** Asserts for each direction that everything that was read was sent, or dropped for a cause. */
function isBalanced({ outbound, inbound }: RelayStats): boolean {
  return (
    outbound.packetsRead === outbound.datagramsSent + sum(outbound.dropped) &&
    inbound.datagramsReceived === inbound.packetsWritten + sum(inbound.dropped)
  )
}

async function finish({ nearRelay, farRelay }: Tunnel): Promise<[RelayStats, RelayStats]> {
  await nearRelay.close()
  await farRelay.close()
  return [nearRelay.stats(), farRelay.stats()]
}

test('ping in both families', async (t) => {
  if (!hasTools(t, 'ping')) return
  const tunnel = await withTunnel(t)
  for (const far of FAR) await assertPing(t, tunnel.near, address(far))
  for (const stats of await finish(tunnel)) t.true(isBalanced(stats), JSON.stringify(stats))
})

for (const [family, index] of [
  ['IPv4', 0],
  ['IPv6', 1],
] as const) {
  test(`1 GiB over TCP and ${family} arrives with the same SHA-256`, async (t) => {
    t.timeout(300_000)
    const tunnel = await withTunnel(t)
    const sink = new Traffic(t, tunnel.far, 'tcpSink', address(FAR[index]))
    const port = await sink.port()
    const source = new Traffic(t, tunnel.near, 'tcpSource', address(FAR[index]), port, String(GIB))
    const sent = await source.next()
    t.is(sent.bytes, GIB)
    t.deepEqual(await sink.next(), sent)
    for (const stats of await finish(tunnel)) t.true(isBalanced(stats), JSON.stringify(stats))
  })
}

test('UDP of every length that fits the MTU, and of some that need fragments', async (t) => {
  const tunnel = await withTunnel(t)
  for (const [far, largest] of [
    [address(FAR[0]), 1500 - 28],
    [address(FAR[1]), 1500 - 48],
  ] as const) {
    const echo = new Traffic(t, tunnel.far, 'udpEcho', far)
    const spans = `0,${largest},1;${largest + 1},${largest + 3},1;4000,60000,14000`
    const lengths = new Traffic(t, tunnel.near, 'udpLengths', far, await echo.port(), spans)
    t.deepEqual(await lengths.next(), { echoed: largest + 1 + 3 + 5 })
  }
  const [near] = await finish(tunnel)
  t.is(sum(near.outbound.dropped), 0)
})

for (const [mtu, family] of [
  [68, 0],
  [576, 0],
  [1280, 0],
  [1280, 1],
  [9000, 0],
  [9000, 1],
  [65_507, 0],
  [65_507, 1],
] as const) {
  test(`packets as long as an MTU of ${mtu}, IPv${family === 0 ? '4' : '6'} inside`, async (t) => {
    const ends: [string[], string[]] = [[NEAR[family] ?? ''], [FAR[family] ?? '']]
    const tunnel = await withTunnel(t, { mtu, ends })
    const largest = mtu - (family === 0 ? 28 : 48)
    const echo = new Traffic(t, tunnel.far, 'udpEcho', address(FAR[family]))
    const spans = `${Math.max(0, largest - 8)},${largest},1`
    const lengths = new Traffic(
      t,
      tunnel.near,
      'udpLengths',
      address(FAR[family]),
      await echo.port(),
      spans,
    )
    t.deepEqual(await lengths.next(), { echoed: 9 })
  })
}

test('the longest packet that a datagram over IPv6 holds, and not one byte more', async (t) => {
  const tunnel = await withTunnel(t, { mtu: 65_527, peer: '::1' })
  t.is(tunnel.nearRelay.info.local.address, '::1')
  const echo = new Traffic(t, tunnel.far, 'udpEcho', address(FAR[0]))
  const port = await echo.port()
  const spans = `${65_527 - 28 - 20},${65_527 - 28 - 20},1`
  const lengths = new Traffic(t, tunnel.near, 'udpLengths', address(FAR[0]), port, spans)
  t.deepEqual(await lengths.next(), { echoed: 1 })
  const refused = startRelay({
    addresses: ['10.9.0.1'],
    sendPort: 9,
    receivePort: 0,
    mtu: 65_528,
    peer: '::1',
  })
  const error = await t.throwsAsync(refused, { instanceOf: TunError })
  t.is(error.code, 'ERR_TUN_INVALID_ARGUMENT')
  t.regex(error.message, /65527/)
})

test('socat at the other end understands it, in both directions', async (t) => {
  if (!hasTools(t, 'socat', 'ping')) return
  const [near, far] = [await withNamespace(t), await withNamespace(t)]
  const [socatPort, carrier] = [await freeUdpPort(), await freeUdpPort()]
  // socat uses one namespace for both of its ends, so the relay's socket must be in it too. Its interface is
  // in another one.
  const relay = startProgram(
    [NEAR[0] ?? '', String(socatPort), String(carrier), '--netns', near.name],
    { netns: far.name },
  )
  t.teardown(() => relay.end('SIGKILL'))
  await relay.until('stdout', /ready/u)
  const socat = spawn('ip', [
    'netns',
    'exec',
    far.name,
    'socat',
    `TUN:${FAR[0] ?? ''},iff-no-pi,iff-up`,
    `UDP:127.0.0.1:${carrier},bind=127.0.0.1:${socatPort}`,
  ])
  t.teardown(() => socat.kill('SIGKILL'))
  // It opens one end after the other, and is ready once the second is open.
  await far.run(
    'sh',
    '-c',
    `until ip -4 address show up | grep -q 10.9.0.2 &&
       ss -Huna sport = :${socatPort} | grep -q .; do sleep 0.02; done`,
  )
  for (const [from, to] of [
    [near, FAR[0]],
    [far, NEAR[0]],
  ] as const) {
    await assertPing(t, from, address(to), 1400)
  }
  const sink = new Traffic(t, far, 'tcpSink', address(FAR[0]))
  const port = await sink.port()
  const source = new Traffic(t, near, 'tcpSource', address(FAR[0]), port, String(16 << 20))
  const sent = await source.next()
  t.deepEqual(await sink.next(), sent)
  await relay.end()
})

test('two tunnels side by side do not hear each other', async (t) => {
  if (!hasTools(t, 'ping')) return
  const tunnels = await Promise.all([withTunnel(t), withTunnel(t)])
  for (const { near } of tunnels) {
    await assertPing(t, near, address(FAR[0]))
  }
  for (const tunnel of tunnels) {
    const [near, far] = await finish(tunnel)
    t.is(near.outbound.datagramsSent, far.inbound.packetsWritten)
    t.is(far.outbound.datagramsSent, near.inbound.packetsWritten)
  }
})

test('200 starts and stops leave descriptors, threads and devices as they were', async (t) => {
  const namespace = await withNamespace(t)
  const script = fileURLToPath(new URL('../support/cycles.mjs', import.meta.url))
  const output = await namespace.run(process.execPath, script, '200')
  t.deepEqual(JSON.parse(output), {
    descriptors: 0,
    threads: 0,
    devices: ['lo'],
  })
})

test('an interface of a namespace is in no other', async (t) => {
  const tunnel = await withTunnel(t, {})
  const { name } = tunnel.nearRelay.info.interface
  t.regex(await tunnel.near.run('ip', '-o', 'link'), new RegExp(`${name}:`))
  const [near, self, own] = [
    (await tunnel.near.run('readlink', '/proc/self/ns/net')).trim(),
    readlinkSync('/proc/self/ns/net'),
    readlinkSync('/proc/thread-self/ns/net'),
  ]
  t.not(self, near)
  t.is(own, self, 'the JavaScript thread never moves')
  await finish(tunnel)
})
