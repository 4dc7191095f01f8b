import { once } from 'node:events'
import { text } from 'node:stream/consumers'
import type { ExecutionContext } from 'ava'
import {
  type EthernetFrame,
  type Ipv4Packet,
  type Ipv6Packet,
  type TestHost,
  buildArp,
  buildEthernet,
  buildIcmpEcho,
  buildTcp,
  buildUdp,
  parseFrame,
  parsePacket,
  testNetwork,
  verifyChecksums,
} from '../../../index.ts'
import { hasTools, rootTest as test } from '../../support/skip.ts'

// The kernel checks the created packets: it drops a packet whose length or checksum is wrong.

const FAMILIES = [
  { source: '10.0.0.2', destination: '10.0.0.1', type: 'udp4' },
  { source: 'fd00::2', destination: 'fd00::1', type: 'udp6' },
] as const
const ADDRESSES = ['10.0.0.1/24', 'fd00::1/64']

async function withHost(t: ExecutionContext): Promise<TestHost> {
  const network = await testNetwork({ hosts: { host: {} } })
  t.teardown(() => network.close())
  return network.hosts.host
}

type Packet = Ipv4Packet | Ipv6Packet

/** Returns the first packet of a device that matches. */
async function find(
  packets: AsyncIterable<Uint8Array>,
  fits: (packet: Packet) => boolean,
): Promise<Packet> {
  for await (const bytes of packets) {
    const packet = parsePacket(bytes)
    if (packet && fits(packet)) return packet
  }
  throw new Error('the device ended')
}

test('an ordinary socket receives what buildUdp() made', async (t) => {
  const host = await withHost(t)
  const tun = await host.openTun({ addresses: ADDRESSES })
  for (const { type, ...addresses } of FAMILIES) {
    const socket = host.createSocket(type)
    await new Promise<void>((done) => socket.bind(0, addresses.destination, done))
    const ports = { sourcePort: 4000, destinationPort: socket.address().port }
    for (const payload of ['', 'odd', 'even', 'x'.repeat(1400)]) {
      const received = once(socket, 'message')
      await tun.write(buildUdp({ ...addresses, ...ports, payload }))
      const [message, sender] = (await received) as [Buffer, object]
      t.is(message.toString(), payload)
      t.like(sender, { address: addresses.source, port: 4000 })
    }
    socket.close()
  }
})

test('the kernel answers what buildIcmpEcho() made, and ping takes its replies', async (t) => {
  if (!hasTools(t, 'ping')) return
  const host = await withHost(t)
  const tun = await host.openTun({ addresses: ADDRESSES })
  for (const { source, destination } of FAMILIES) {
    const echo = { identifier: 77, sequence: 5, payload: 'abc' }
    await tun.write(buildIcmpEcho({ source, destination, ...echo }))
    const packet = await find(tun.packets(), ({ icmp, icmpv6 }) =>
      [0, 129].includes((icmp ?? icmpv6)?.type ?? -1),
    )
    t.like(packet, { source: destination, destination: source })
    const reply = packet.icmp ?? packet.icmpv6
    t.like(reply, { identifier: 77, sequence: 5 })
    t.is(Buffer.from(reply?.payload ?? []).toString(), 'abc')

    const ping = host.run('ping', ['-nc', '1', '-W', '5', source])
    const request = await find(tun.packets(), ({ icmp, icmpv6 }) =>
      [8, 128].includes((icmp ?? icmpv6)?.type ?? -1),
    )
    const asked = request.icmp ?? request.icmpv6
    if (!asked) return t.fail()
    const { identifier, sequence, payload } = asked
    await tun.write(
      buildIcmpEcho({ source, destination, reply: true, identifier, sequence, payload }),
    )
    t.regex((await ping).stdout, / 1 received/u)
  }
})

test('a server accepts a connection and data whose segments buildTcp() made', async (t) => {
  const host = await withHost(t)
  const tun = await host.openTun({ addresses: ADDRESSES })
  for (const { source, destination } of FAMILIES) {
    const server = host.listen({ host: destination })
    const { port: destinationPort } = server.address()
    const segment = { source, destination, sourcePort: 4000, destinationPort }
    const mss = Uint8Array.of(2, 4, 5, 0)
    await tun.write(buildTcp({ ...segment, sequence: 0xffff_ffff, flags: ['SYN'], options: mss }))
    const answer = await find(tun.packets(), ({ tcp }) => tcp?.sourcePort === destinationPort)
    t.like(answer.tcp, { syn: true, ack: true, rst: false, acknowledgment: 0 })
    const connection = once(server, 'connection')
    const acknowledgment = ((answer.tcp?.sequence ?? 0) + 1) % 2 ** 32
    const data = { ...segment, sequence: 0, acknowledgment }
    await tun.write(buildTcp({ ...data, flags: ['ACK', 'PSH', 'FIN'], payload: 'hello' }))
    const [socket] = (await connection) as [NodeJS.ReadableStream]
    t.is(await text(socket), 'hello')
  }
})

test('a TAP device is asked and answers by frames of buildArp() and buildEthernet()', async (t) => {
  const host = await withHost(t)
  const tap = await host.openTap({ addresses: ['10.0.0.1/24'], macAddress: '02:00:00:00:00:01' })
  const mine = { senderMac: '02:00:00:00:00:02', senderIp: '10.0.0.2' }
  await tap.write(buildArp({ ...mine, targetIp: '10.0.0.1' }))
  const frames = tap.packets()
  const next = async (fits: (frame: EthernetFrame) => boolean) => {
    for (;;) {
      const { value, done } = await frames.next()
      const frame = done ? undefined : parseFrame(value)
      if (frame && fits(frame)) return frame
      if (done) throw new Error('the device ended')
    }
  }
  const reply = await next(({ arp }) => arp?.operation === 2)
  t.like(reply.arp, { senderMac: '02:00:00:00:00:01', senderIp: '10.0.0.1', targetIp: '10.0.0.2' })

  // Now the kernel sends a request, receives a reply, and sends its datagram there.
  const socket = host.createSocket('udp4')
  socket.send('hello', 9, '10.0.0.3')
  const request = await next(({ arp }) => arp?.targetIp === '10.0.0.3' && arp.operation === 1)
  const { senderMac: targetMac = '', senderIp: targetIp = '' } = request.arp ?? {}
  const senderMac = '02:00:00:00:00:03'
  const answer = { operation: 'reply', senderMac, senderIp: '10.0.0.3' } as const
  await tap.write(buildArp({ ...answer, targetMac, targetIp }))
  const sent = await next(({ packet }) => packet?.udp !== undefined)
  t.is(sent.destination, senderMac)

  const { port } = socket.address()
  const udp = { source: '10.0.0.3', destination: '10.0.0.1', sourcePort: 9, destinationPort: port }
  const payload = buildUdp({ ...udp, payload: 'welcome' })
  const received = once(socket, 'message')
  await tap.write(buildEthernet({ source: senderMac, destination: targetMac, payload }))
  t.is(String((await received)[0]), 'welcome')
})

test('a wrong checksum is dropped by the kernel, so that these tests can fail', async (t) => {
  const host = await withHost(t)
  const tun = await host.openTun({ addresses: ADDRESSES })
  const socket = host.createSocket('udp4')
  await new Promise<void>((done) => socket.bind(0, '10.0.0.1', done))
  const ports = { sourcePort: 4000, destinationPort: socket.address().port }
  const { source, destination } = FAMILIES[0]
  const wrong = buildUdp({ source, destination, ...ports, payload: 'wrong' })
  wrong.writeUInt16BE(wrong.readUInt16BE(26) ^ 0x0101, 26)
  t.is(verifyChecksums(wrong).transport, false)
  await tun.write(wrong)
  await tun.write(buildUdp({ source, destination, ...ports, payload: 'right' }))
  t.is(String((await once(socket, 'message'))[0]), 'right')
})
