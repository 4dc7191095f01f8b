import { once } from 'node:events'
import { buffer } from 'node:stream/consumers'
import { randomBytes } from 'node:crypto'
import { testNetwork } from '../../../index.ts'
import { hasTools, rootTest as test } from '../../support/skip.ts'

test('a tunnel between two hosts behind a router carries ping and TCP', async (t) => {
  if (!hasTools(t, 'ping')) return
  const network = await testNetwork({
    hosts: { a: { gateway: '192.0.2.1' }, r: { router: true }, b: { gateway: '198.51.100.1' } },
    links: [
      { ends: { a: '192.0.2.2/24', r: '192.0.2.1/24' } },
      { ends: { r: '198.51.100.1/24', b: '198.51.100.2/24' } },
    ],
  })
  t.teardown(() => network.close())
  const { a, b } = network.hosts
  const ports = { sendPort: 5001, receivePort: 5001 }
  const near = await a.startRelay({ addresses: ['10.9.0.1/24'], peer: '198.51.100.2', ...ports })
  const far = await b.startRelay({ addresses: ['10.9.0.2/24'], peer: '192.0.2.2', ...ports })
  // The route to the peer is one of the host: 1500 bytes, minus the outer headers.
  t.is(near.info.interface.mtu, 1472)
  const { stdout } = await a.run('ping', ['-nc', '1', '-W', '5', '10.9.0.2'])
  t.regex(stdout, / 1 received/u)

  const data = randomBytes(1_000_000)
  const server = b.listen({ host: '10.9.0.2' }, (socket) => socket.end(data))
  const socket = a.connect({ host: '10.9.0.2', port: server.address().port })
  await once(socket, 'connect')
  t.is(socket.localAddress, '10.9.0.1')
  t.true((await buffer(socket)).equals(data))
  t.true(far.stats().outbound.datagramsSent > 0)
  await Promise.all([near.close(), far.close()])
})
