import type { RelayStats } from '../../index.ts'
import {
  OVERSIZED,
  type Routed,
  counters,
  refusedPing,
  statsOf,
  withRouted,
} from '../support/routed.ts'
import { hasTools, rootTest as test } from '../support/skip.ts'

/** ICMP errors that may follow each other at once, and then per millisecond (relay/queue/replies.rs). */
const BURST = 50
const PER_MS = 1

const FLOOD = 100_000

/** The counters of the relay, and the datagrams that its host sent, at one moment. */
async function snapshot({
  near,
  program,
}: Routed): Promise<{ stats: RelayStats; host: Record<string, number> }> {
  for (;;) {
    const before = await statsOf(program)
    const host = await counters(near, 'IpOutRequests', 'UdpOutDatagrams', 'IcmpOutMsgs')
    const stats = await statsOf(program)
    // Otherwise a packet of the kernel's own was sent in between.
    if (stats.outbound.datagramsSent === before.outbound.datagramsSent) return { stats, host }
  }
}

/** Builds a path that carries 1,400 bytes, and waits until the relay knows it. */
async function narrowPath(...args: Parameters<typeof withRouted>): Promise<Routed> {
  const routed = await withRouted(...args)
  await routed.narrow(1_400)
  for (const address of ['10.9.0.2', 'fd09::2']) await refusedPing(routed.nearInside, address)
  return routed
}

for (const address of ['10.9.0.2', 'fd09::2']) {
  test(`${String(FLOOD)} packets to ${address} that are too long cause at most the stated rate of answers`, async (t) => {
    if (!hasTools(t, 'nstat', 'ping', 'python3', 'sysctl')) return
    const routed = await narrowPath(t, 4, '--json')
    const before = await snapshot(routed)
    const started = performance.now()
    await routed.nearInside.run('python3', OVERSIZED, 'flood', 'tun0', address, String(FLOOD))
    const after = await snapshot(routed)
    const elapsedMs = performance.now() - started
    const grown = (of: (stats: RelayStats) => number) => of(after.stats) - of(before.stats)
    t.is(
      grown(({ outbound }) => outbound.dropped.tooLong),
      FLOOD,
    )
    const answers = grown(({ outbound }) => outbound.repliesWritten + outbound.repliesDropped)
    t.true(answers > 0)
    t.true(answers <= BURST + PER_MS * Math.ceil(elapsedMs), `${answers} in ${elapsedMs} ms`)
    // None of them left the host, nor was answered to the outside.
    const sent = grown(({ outbound }) => outbound.datagramsSent)
    t.is((after.host['UdpOutDatagrams'] ?? 0) - (before.host['UdpOutDatagrams'] ?? 0), sent)
    t.is(after.host['IcmpOutMsgs'], before.host['IcmpOutMsgs'])
  })
}

test('hostile packets that are too long are answered into the interface only, or not at all', async (t) => {
  if (!hasTools(t, 'nstat', 'ping', 'python3', 'sysctl')) return
  const routed = await narrowPath(t, 4, '--json')
  const before = await snapshot(routed)
  const output = await routed.nearInside.run('python3', OVERSIZED, 'hostile', 'tun0')
  const { answered, sent } = JSON.parse(output) as { answered: number; sent: number }
  t.true(sent > 40 && answered > 15 && answered < BURST)
  const after = await snapshot(routed)
  const grown = (of: (stats: RelayStats) => number) => of(after.stats) - of(before.stats)
  t.is(
    grown(({ outbound }) => outbound.dropped.tooLong),
    sent,
  )
  t.is(
    grown(({ outbound }) => outbound.repliesWritten),
    answered,
  )
  t.is(
    grown(({ outbound }) => outbound.repliesDropped),
    0,
  )
  const datagrams = grown(({ outbound }) => outbound.datagramsSent)
  const hostGrown = (name: string) => (after.host[name] ?? 0) - (before.host[name] ?? 0)
  t.is(hostGrown('UdpOutDatagrams'), datagrams)
  t.is(hostGrown('IpOutRequests'), datagrams)
  t.is(hostGrown('IcmpOutMsgs'), 0)
})
