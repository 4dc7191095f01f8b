/**
 * A hub whose peers come and go: each line of the standard input adds a peer, or removes it.
 *
 *     npm run build
 *     sudo node examples/hub.ts          # Node 22.18 or newer; before: node --import @oxc-node/core/register …
 *     add b 192.0.2.2:5001 10.9.0.2/32 10.20.2.0/24
 *     remove b
 */
import { createInterface } from 'node:readline'
import { startRelay } from 'tun2udp'

const relay = await startRelay({
  addresses: ['10.9.0.1/24'],
  receivePort: 5001,
  // At least one peer is needed at the start.
  peers: [{ name: 'first', endpoint: '192.0.2.99:5001', allowedPrefixes: ['10.9.0.99/32'] }],
  routes: true,
})
console.log(`${relay.info.interface.name}: add NAME ENDPOINT NETWORK…, or remove NAME`)

for await (const line of createInterface({ input: process.stdin })) {
  const [command, name = '', endpoint = '', ...allowedPrefixes] = line.trim().split(/\s+/u)
  try {
    if (command === 'add') await relay.peers.add({ name, endpoint, allowedPrefixes })
    if (command === 'remove') await relay.peers.remove(name)
    console.log(
      'peers:',
      relay.peers
        .list()
        .map((peer) => peer.name)
        .join(' '),
    )
  } catch (error) {
    // A wrong change is refused as a whole, and the relay continues.
    console.error(error instanceof Error ? error.message : error)
  }
}
await relay.close()
