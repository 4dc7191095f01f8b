/**
 * Source NAT between two network namespaces: hosts inside reach the outside with one address, and packets from outside
 * are forwarded only if they belong to a flow that began inside.
 *
 *     npm run build
 *     sudo ip netns add inside; sudo ip netns add outside
 *     sudo node examples/nat.ts inside outside    # Node 22.18 or newer; before: node --import @oxc-node/core/register …
 *     sudo ip netns exec inside ping 198.51.100.1
 */
import { type Ipv4Packet, type TunDevice, fillChecksums, openTun, parsePacket } from 'tun2udp'

const [insideNetns = 'inside', outsideNetns = 'outside'] = process.argv.slice(2)
/** The address that the outside sees. */
const PUBLIC = '198.51.100.200'
const FIRST_PORT = 50_000

const inside = await openTun({
  netns: insideNetns,
  addresses: ['10.80.2.1/24'],
  routes: ['0.0.0.0/0'],
})
const outside = await openTun({ netns: outsideNetns, addresses: ['198.51.100.1/24'] })

/** Flows by their key inside and by their port outside: the addresses and ports of the host that began them. */
const numbers = new Map<string, number>()
const flows = new Map<string, { address: string; port: number }>()

/** The port of TCP and UDP on one side; for an echo, its identifier. */
function portOf(packet: Ipv4Packet, side: 'sourcePort' | 'destinationPort'): number | undefined {
  return (packet.tcp ?? packet.udp)?.[side] ?? packet.icmp?.identifier
}

function setPort(packet: Ipv4Packet, side: 'sourcePort' | 'destinationPort', port: number): void {
  const transport = packet.tcp ?? packet.udp
  if (transport) transport[side] = port
  else if (packet.icmp) packet.icmp.identifier = port
}

/** Packets from inside: replaces the source by the public address and a port of this program. */
function outwards(packet: Ipv4Packet): boolean {
  const port = portOf(packet, 'sourcePort')
  if (port === undefined) return false
  const flow = { address: packet.source, port }
  const key = `${packet.protocol} ${flow.address} ${flow.port}`
  const number = numbers.get(key) ?? FIRST_PORT + (numbers.size % 15_000)
  numbers.set(key, number)
  flows.set(`${packet.protocol} ${number}`, flow)
  packet.source = PUBLIC
  setPort(packet, 'sourcePort', number)
  return true
}

/** Packets from outside: forwards them to the host that began the flow, and drops all others. */
function inwards(packet: Ipv4Packet): boolean {
  const flow = flows.get(`${packet.protocol} ${portOf(packet, 'destinationPort') ?? 0}`)
  if (!flow || packet.destination !== PUBLIC) return false
  packet.destination = flow.address
  setPort(packet, 'destinationPort', flow.port)
  return true
}

async function translate(from: TunDevice, to: TunDevice, change: (packet: Ipv4Packet) => boolean) {
  for await (const batch of from.batches()) {
    const changed = batch.filter((bytes) => {
      const packet = parsePacket(bytes)
      if (packet?.version !== 4 || !change(packet)) return false
      fillChecksums(packet)
      return true
    })
    // A packet that the kernel refuses is lost, as on any network.
    to.tryWriteBatch(changed)
  }
}

console.log(`${insideNetns} reaches ${outsideNetns} as ${PUBLIC}`)
await Promise.all([translate(inside, outside, outwards), translate(outside, inside, inwards)])
