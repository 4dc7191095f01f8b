/**
 * An Ethernet switch between TAP devices, one in each of the given network namespaces.
 *
 *     npm run build
 *     sudo ip netns add a; sudo ip netns add b
 *     sudo node examples/switch.ts a b    # Node 22.18 or newer; before: node --import @oxc-node/core/register …
 *     sudo ip netns exec a ping 10.80.3.2
 */
import { type TapDevice, openTap, parseFrame } from 'tun2udp'

const namespaces = process.argv.slice(2)
const ports = await Promise.all(
  namespaces.map((netns, n) => openTap({ netns, addresses: [`10.80.3.${n + 1}/24`] })),
)
/** The port on which each station was last seen. */
const stations = new Map<string, TapDevice>()

async function forward(port: TapDevice): Promise<void> {
  for await (const bytes of port) {
    const frame = parseFrame(bytes)
    if (!frame) continue
    stations.set(frame.source, port)
    const known = frame.isMulticast ? undefined : stations.get(frame.destination)
    const targets = known ? [known] : ports
    for (const target of targets) if (target !== port) target.tryWrite(bytes)
  }
}

for (const [n, { name }] of ports.entries()) console.log(`${namespaces[n] ?? ''}: ${name}`)
console.log('switching')
await Promise.all(ports.map(forward))
