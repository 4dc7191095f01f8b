import type { PeerTraffic } from '../../index.ts'
import { PORT, hubNetwork, pings, spokePeer, startSpoke } from '../support/hub.ts'
import { hasTools, rootTest as test } from '../support/skip.ts'

const sum = (counters: object) =>
  Object.values(counters as Record<string, number>).reduce((total, value) => total + value, 0)

test('the counters of all peers, of removed ones and of no peer are those of the relay', async (t) => {
  if (!hasTools(t, 'ping')) return
  const { hosts } = await hubNetwork(t)
  const relay = await hosts.hub.startRelay({
    addresses: ['10.9.0.1/24'],
    receivePort: PORT,
    peers: [spokePeer('a'), spokePeer('b')],
  })
  // The host a also has the inner address of b, and c is not a peer.
  await hosts.a.startRelay({
    addresses: ['10.9.0.2/24', '10.9.0.3/32'],
    receivePort: PORT,
    peers: [{ endpoint: `192.0.2.1:${PORT}` }],
  })
  await startSpoke(hosts.b, 'b')
  await startSpoke(hosts.c, 'c')
  const forge = async () => {
    const args = ['-nqc', '3', '-i', '0.2', '-W', '1', '-I', '10.9.0.3', '10.9.0.1']
    await t.throwsAsync(hosts.a.run('ping', args))
  }
  const foreign = (name: string) =>
    relay.peers.list().find((peer) => peer.name === name)?.traffic?.foreignPrefix
  const round = async () => {
    t.true(await pings(hosts.a, '10.9.0.1'))
    t.true(await pings(hosts.hub, '10.9.0.3'))
    t.false(await pings(hosts.c, '10.9.0.1', 1))
    t.false(await pings(hosts.hub, '10.9.0.200', 1))
    await forge()
  }
  await round()
  t.deepEqual([foreign('a'), foreign('b')], [3, 0])
  await relay.peers.remove('a')
  t.is(relay.peers.others().removed.foreignPrefix, 3)
  await relay.peers.add(spokePeer('a'))
  t.deepEqual([foreign('a'), foreign('b')], [0, 0])
  await round()
  await relay.close()
  const { outbound, inbound } = relay.stats()
  const { removed, noPeer } = relay.peers.others()
  const all = [...relay.peers.list().flatMap(({ traffic }) => traffic ?? []), removed, noPeer]
  const total = (name: Exclude<keyof PeerTraffic, 'silentForMillis'>) =>
    all.reduce((total, traffic) => total + traffic[name], 0)
  t.true(noPeer.outboundDropped > 0 && noPeer.datagramsReceived > 0 && noPeer.bytesReceived > 0)
  t.deepEqual(
    {
      datagramsSent: total('datagramsSent'),
      bytesSent: total('bytesSent'),
      outboundDropped: total('outboundDropped'),
      datagramsReceived: total('datagramsReceived'),
      bytesReceived: total('bytesReceived'),
      inboundDropped: total('inboundDropped'),
      foreignPrefix: total('foreignPrefix'),
    },
    {
      datagramsSent: outbound.datagramsSent,
      bytesSent: outbound.bytesSent,
      outboundDropped: sum(outbound.dropped),
      datagramsReceived: inbound.datagramsReceived,
      bytesReceived: inbound.bytesReceived,
      inboundDropped: sum(inbound.dropped),
      foreignPrefix: inbound.dropped.foreignPrefix,
    },
  )
})
