import { setTimeout as sleep } from 'node:timers/promises'
import { type Routed, counters, transfer, withRouted } from '../support/routed.ts'
import { hasTools, rootTest as test } from '../support/skip.ts'
import { Traffic } from '../support/traffic.ts'

const BYTES = 10 << 20

/** Makes the router drop its reports about datagrams that are too long, and count them. */
async function dropReports({ router }: Routed): Promise<void> {
  await router.run(
    'nft',
    `add table inet quiet
    add chain inet quiet out { type filter hook output priority 0; }
    add rule inet quiet out icmp type destination-unreachable counter drop
    add rule inet quiet out icmpv6 type packet-too-big counter drop`,
  )
}

/** Returns the reports that the router has dropped. */
async function droppedReports({ router }: Routed): Promise<number> {
  const rules = await router.run('nft', 'list', 'table', 'inet', 'quiet')
  return [...rules.matchAll(/packets (\d+)/gu)].reduce((sum, [, count]) => sum + Number(count), 0)
}

for (const family of [4, 6] as const) {
  test(`IPv${family} outside: where reports are dropped, transfers with --mss-clamp BYTES arrive`, async (t) => {
    if (!hasTools(t, 'nft', 'sysctl')) return
    const routed = await withRouted(t, family, '--mss-clamp', '1280')
    await dropReports(routed)
    await routed.narrow(1_400)
    for (const address of ['10.9.0.2', 'fd09::2']) {
      await transfer(t, [routed.nearInside, routed.farInside], address, BYTES)
    }
    // No datagram was too long, so there was nothing to report.
    t.is(await droppedReports(routed), 0)
  })

  test(`IPv${family} outside: without the clamp a transfer hangs until the reports pass`, async (t) => {
    if (!hasTools(t, 'nft', 'nstat', 'ss', 'sysctl')) return
    const routed = await withRouted(t, family, '--mss-clamp', 'off')
    const { router, nearInside, farInside } = routed
    // Otherwise TCP itself would find out after some timeouts.
    await nearInside.run('sysctl', '-qw', 'net.ipv4.tcp_mtu_probing=0')
    await dropReports(routed)
    await routed.narrow(1_400)
    const sink = new Traffic(t, farInside, 'tcpSink', '10.9.0.2')
    const port = await sink.port()
    const source = new Traffic(t, nearInside, 'tcpSource', '10.9.0.2', port, String(BYTES))
    // The first segments are sent again and again: each time a timer runs out, and not one byte has arrived.
    const timeouts = async () =>
      (await counters(nearInside, 'TcpExtTCPTimeouts'))['TcpExtTCPTimeouts'] ?? 0
    while ((await timeouts()) < 3) await sleep(20)
    const connection = await farInside.run('ss', '-tin', `sport = :${port}`)
    t.regex(connection, /ESTAB/u)
    t.notRegex(connection, /bytes_received/u)
    t.true((await droppedReports(routed)) > 0)
    await router.run('nft', 'delete', 'table', 'inet', 'quiet')
    const sent = await source.next()
    t.is(sent.bytes, BYTES)
    t.deepEqual(await sink.next(), sent)
  })
}
