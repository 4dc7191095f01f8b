import type { ExecutionContext } from 'ava'
import {
  type TapDevice,
  type TapOptions,
  type TunDevice,
  type TunOptions,
  openTap,
  openTun,
} from '../../index.ts'
import { type Namespace, withNamespace } from './namespace.ts'

/** The address of a device under test, and an address behind it. */
export const NEAR = '10.8.0.1/24'
export const BEHIND = '10.8.0.2'

/** Creates a namespace and a TUN device in it; both are removed after the test. */
export async function withTun(
  t: ExecutionContext,
  options: TunOptions = {},
): Promise<{ tun: TunDevice; namespace: Namespace }> {
  const namespace = await withNamespace(t)
  const tun = await tunIn(t, namespace, { addresses: [NEAR], ...options })
  return { tun, namespace }
}

/** A TUN device in that namespace. */
export async function tunIn(
  t: ExecutionContext,
  { name }: Namespace,
  options: TunOptions = {},
): Promise<TunDevice> {
  const tun = await openTun({ netns: name, ...options })
  t.teardown(() => tun.close())
  return tun
}

/** A TAP device in that namespace. */
export async function tapIn(
  t: ExecutionContext,
  { name }: Namespace,
  options: TapOptions = {},
): Promise<TapDevice> {
  const tap = await openTap({ netns: name, ...options })
  t.teardown(() => tap.close())
  return tap
}

/** Sends datagrams from inside the namespace to port 9. Their texts are the numbers from 0. */
export async function sendNumbers({ run }: Namespace, count: number): Promise<void> {
  await run(
    'bash',
    '-c',
    `exec 3>/dev/udp/${BEHIND}/9; for ((i=0;i<${count};i++)); do echo -n $i >&3; done`,
  )
}

/** Datagrams of a GSO batch, and the payload of each. */
export const SEGMENTS = 5
export const SEGMENT_BYTES = 1000

/** Sends a GSO batch of datagrams with one call (`UDP_SEGMENT` of udp(7)): a super-packet, if the device accepts it. */
export async function sendGsoBatch({ run }: Namespace): Promise<void> {
  const script = `
import socket
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.setsockopt(socket.IPPROTO_UDP, 103, ${SEGMENT_BYTES})
s.sendto(bytes(${SEGMENTS * SEGMENT_BYTES}), ('${BEHIND}', 9))`
  await run('python3', '-c', script)
}

/** Returns an IPv4 packet with a datagram from port 9 of {@link BEHIND} to the device's own address. */
export function udpPacket(port: number, text: string): Buffer {
  const packet = Buffer.alloc(28 + text.length)
  packet.set([
    0x45,
    0,
    0,
    packet.length,
    0,
    0,
    0x40,
    0,
    64,
    17,
    0,
    0,
    10,
    8,
    0,
    2,
    10,
    8,
    0,
    1,
    0,
    9,
  ])
  packet.writeUInt16BE(port, 22)
  packet.writeUInt16BE(8 + text.length, 24)
  packet.write(text, 28, 'latin1')
  let sum = 0
  for (let at = 0; at < 20; at += 2) sum += packet.readUInt16BE(at)
  packet.writeUInt16BE(0xffff - ((sum & 0xffff) + (sum >>> 16)), 10)
  return packet
}

/** Returns the text of a datagram in an IPv4 packet. */
export function textOf(packet: Uint8Array): string {
  return Buffer.from(packet.buffer, packet.byteOffset + 28, packet.length - 28).toString('latin1')
}

/** An interface as `ip -d -j link` prints it. */
export type LinkWords = Record<string, unknown> & {
  flags: string[]
  linkinfo: { info_data: Record<string, unknown> }
}

export async function linkOf({ run }: Namespace, name: string): Promise<LinkWords> {
  const links = JSON.parse(await run('ip', '-d', '-j', 'link', 'show', name)) as LinkWords[]
  const [link] = links
  if (!link) throw new Error(`ip has no word of ${name}`)
  return link
}

/** Returns the names of the interfaces of a namespace, in order. */
export async function linkNames({ run }: Namespace): Promise<string[]> {
  const links = JSON.parse(await run('ip', '-j', 'link')) as { ifname: string }[]
  return links.map(({ ifname }) => ifname).sort()
}
