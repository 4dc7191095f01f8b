/**
 * Sends each UDP datagram for a host behind the interface back to its sender.
 *
 *     npm run build
 *     sudo node examples/echo.ts          # Node 22.18 or newer; before: node --import @oxc-node/core/register …
 *     echo hello | socat - UDP:10.80.0.2:7
 */
import { fillChecksums, openTun, parsePacket } from 'tun2udp'

const tun = await openTun({ addresses: ['10.80.0.1/24', 'fd80::1/64'] })
console.log(`${tun.name}: send datagrams to any port of 10.80.0.2 or fd80::2`)

for await (const bytes of tun) {
  const packet = parsePacket(bytes)
  const udp = packet?.udp
  if (!packet || !udp) continue
  const { source, destination } = packet
  const { sourcePort, destinationPort } = udp
  packet.source = destination
  packet.destination = source
  udp.sourcePort = destinationPort
  udp.destinationPort = sourcePort
  fillChecksums(packet)
  // A packet that is not written is lost, as on any network, and does not end the program.
  if (!tun.tryWrite(bytes)) console.error('not written:', packet)
}
