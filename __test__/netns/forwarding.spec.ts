import type { ExecutionContext } from 'ava'
import { features, type RelayStats } from '../../index.ts'
import { type Namespace, withNamespace } from '../support/namespace.ts'
import { hasTools, rootTest as test } from '../support/skip.ts'
import { Traffic } from '../support/traffic.ts'
import { type Tunnel, withTunnel } from '../support/tunnel.ts'

const FAR = '10.9.0.2'
/** As many datagrams as a super-packet of the host holds: more than one GSO batch of the relay at an MTU of 1472. */
const SEGMENTS = 60
const SEGMENT_BYTES = 1_000
const TRANSFER_BYTES = 64 << 20

/** A tunnel whose near end is a router, and a host behind that router. Everything is removed with the test. */
async function withHost(t: ExecutionContext): Promise<Tunnel & { host: Namespace }> {
  const tunnel = await withTunnel(t, { mtu: 1_472 })
  const { near: router, far } = tunnel
  const host = await withNamespace(t)
  const peer = ['peer', 'name', 'lan0', 'netns', router.name]
  await host.run('ip', 'link', 'add', 'up0', 'type', 'veth', ...peer)
  await host.run('ip', 'address', 'add', '192.0.2.1/24', 'dev', 'up0')
  await host.run('ip', 'link', 'set', 'up0', 'up')
  await host.run('ip', 'route', 'add', 'default', 'via', '192.0.2.254')
  await router.run('ip', 'address', 'add', '192.0.2.254/24', 'dev', 'lan0')
  await router.run('ip', 'link', 'set', 'lan0', 'up')
  await router.run('sysctl', '-qw', 'net.ipv4.ip_forward=1')
  await far.run('ip', 'route', 'add', '192.0.2.0/24', 'via', '10.9.0.1')
  return { ...tunnel, host }
}

/** Waits until as many packets were read from the near interface; returns the counters. */
async function until({ nearRelay }: Tunnel, packets: number): Promise<RelayStats['outbound']> {
  for (;;) {
    const { outbound } = nearRelay.stats()
    if (outbound.packetsRead >= packets) return outbound
    await new Promise((resolve) => setTimeout(resolve, 10))
  }
}

test('a forwarded super-packet that is longer than a GSO batch arrives whole', async (t) => {
  if (!hasTools(t, 'python3', 'sysctl')) return
  t.timeout(60_000)
  if (!(await features()).offloads?.uso) {
    t.log(`SKIP ${t.title}: this kernel has no TUN_F_USO4 (Linux 6.2)`)
    t.pass()
    return
  }
  const tunnel = await withHost(t)
  const sink = new Traffic(t, tunnel.far, 'udpReceive', FAR, String(SEGMENTS))
  const port = await sink.port()
  const script = `
import socket
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.setsockopt(socket.IPPROTO_UDP, 103, ${SEGMENT_BYTES})
s.sendto(bytes([7] * ${SEGMENTS * SEGMENT_BYTES}), ('${FAR}', ${port}))`
  await tunnel.host.run('python3', '-c', script)
  const { packetsRead, superPacketsRead, packetsSplit } = await until(tunnel, SEGMENTS)
  t.deepEqual(
    { packetsRead, superPacketsRead, packetsSplit },
    {
      packetsRead: SEGMENTS,
      superPacketsRead: 1,
      packetsSplit: SEGMENTS,
    },
  )
  t.is((await sink.next()).hex, '07'.repeat(SEGMENTS * SEGMENT_BYTES))
})

test('forwarded TCP reaches the relay as super-packets', async (t) => {
  if (!hasTools(t, 'sysctl')) return
  t.timeout(120_000)
  const tunnel = await withHost(t)
  const sink = new Traffic(t, tunnel.far, 'tcpSink', FAR)
  const port = await sink.port()
  const source = new Traffic(t, tunnel.host, 'tcpSource', FAR, port, String(TRANSFER_BYTES))
  const sent = await source.next()
  t.deepEqual(await sink.next(), sent)
  const { packetsRead, packetsSplit } = tunnel.nearRelay.stats().outbound
  t.true(packetsSplit > packetsRead / 2, `${packetsSplit} of ${packetsRead} packets`)
})
