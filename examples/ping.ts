/**
 * Answers ping for every address behind the interface, although no host is there.
 *
 *     npm run build
 *     sudo node examples/ping.ts          # Node 22.18 or newer; before: node --import @oxc-node/core/register …
 *     ping 10.80.1.77; ping fd80:1::77
 */
import { fillChecksums, openTun, parsePacket } from 'tun2udp'

/** Type of an echo request, and of its reply: RFC 792, RFC 4443. */
const ECHO = { 4: { request: 8, reply: 0 }, 6: { request: 128, reply: 129 } } as const

const tun = await openTun({ addresses: ['10.80.1.1/24', 'fd80:1::1/64'] })
console.log(`${tun.name}: ping any address of 10.80.1.0/24 or fd80:1::/64`)

for await (const bytes of tun) {
  const packet = parsePacket(bytes)
  const echo = packet?.icmp ?? packet?.icmpv6
  if (!packet || echo?.type !== ECHO[packet.version].request) continue
  const { source, destination } = packet
  packet.source = destination
  packet.destination = source
  packet.hopLimit = 64
  echo.type = ECHO[packet.version].reply
  fillChecksums(packet)
  // A packet that is not written is lost, as on any network, and does not end the program.
  if (!tun.tryWrite(bytes)) console.error('not written:', packet)
}
