import type { ExecutionContext } from 'ava'
import { type Machine, cable } from '../../support/docs/machine.ts'
import { pageTest, runLines, twoMachines } from '../../support/docs/page.ts'
import { eventually } from '../../support/gone.ts'
import { hasTools } from '../../support/skip.ts'

/** An ICMP echo request from 10.9.0.2 to 10.9.0.1. */
const ECHO_REQUEST = '4500001c000100004001 66cc 0a090002 0a090001 0800f7fd00010001'

/** Sends a datagram with the peer's address as its source over the network that is not protected. */
const FORGE = `
import socket
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, b'eth0')
s.bind(('10.100.0.2', 0))
s.sendto(bytes.fromhex('${ECHO_REQUEST}'), ('10.100.0.1', 5001))
`

/** Returns the number of packets that the relay has written into an interface. */
async function written(machine: Machine, name: string): Promise<number> {
  const [link] = JSON.parse(await machine.shell(`ip -s -json link show ${name}`)) as {
    stats64: { rx: { packets: number } }
  }[]
  return link?.stats64.rx.packets ?? NaN
}

/** Returns the number of datagrams that arrived for no socket. */
async function withoutSocket(machine: Machine): Promise<number> {
  return Number(/UdpNoPorts\s+(\d+)/u.exec(await machine.shell('nstat -asz UdpNoPorts'))?.[1])
}

/** Follows the section on prefixes: the peer may use one inner address only. */
async function allow(t: ExecutionContext, start: string, a: Machine, b: Machine): Promise<void> {
  await runLines(start, { a })
  await runLines('sudo tun2udp 10.9.0.2/24 5001 5001 --peer a.example --address 10.9.0.3/24', { b })
  t.regex(await b.shell('ping -q -c 1 -I 10.9.0.2 10.9.0.1'), /1 received/u)
  const before = await written(a, 'tun0')
  t.regex(await b.shell('ping -q -c 1 -W 1 -I 10.9.0.3 10.9.0.1 || true'), /0 received/u)
  t.is(await written(a, 'tun0'), before)
  t.regex(await a.shell('ping -c 1 -W 5 10.9.0.3 2>&1 || true'), /Host Unreachable/u)
  await a.endPrograms()
  await b.endPrograms()
}

pageTest('docs/guides/security.md', async (t, page) => {
  if (!hasTools(t, 'nft', 'nstat', 'python3')) {
    page.skip()
    return
  }
  const { a, b } = await twoMachines(t)
  await allow(t, page.next('sh'), a, b)
  // A second network replaces WireGuard, which not every kernel has.
  await cable([a, 'wg0', '10.100.0.1/24'], [b, 'wg0', '10.100.0.2/24'])
  await b.shell('ip route add 10.100.0.1/32 via 192.0.2.1 dev eth0 table 9')
  await b.shell('ip rule add oif eth0 lookup 9')
  await b.program('forge.py', FORGE)
  const forge = async () => b.shell('python3 forge.py')
  const farEnd = async () =>
    runLines('sudo tun2udp 10.9.0.2/24 5001 5001 --peer 10.100.0.1 --listen 10.100.0.2', { b })

  // An address alone accepts datagrams from every network.
  const start = page.next('sh')
  const [BOUND, listening] = [' --bind-device wg0', start.replace(' --bind-device wg0', '')]
  t.true(start.includes(BOUND))
  await runLines(listening, { a })
  await forge()
  await eventually(t, async () => written(a, 'tun0'), 1)
  await a.endPrograms()

  await runLines(start, { a })
  const before = await withoutSocket(a)
  await forge()
  await eventually(t, async () => withoutSocket(a), before + 1)
  t.is(await written(a, 'tun0'), 0)
  await farEnd()
  t.regex(await b.shell('ping -q -c 1 10.9.0.1'), /1 received/u)
  await a.endPrograms()

  await a.shell(page.next('sh').replaceAll(' drop', ' counter drop'))
  await runLines(`${listening.trim()} --name vpn0`, { a })
  const drops = async () => {
    const rules = await a.shell('nft list table inet tunnel')
    return [...rules.matchAll(/counter packets (\d+) bytes \d+ drop/gu)].map(([, n]) => Number(n))
  }
  t.deepEqual(await drops(), [0, 0, 0, 0, 0])
  t.regex(await b.shell('ping -q -c 1 10.9.0.1'), /1 received/u)
  t.deepEqual(await drops(), [0, 0, 0, 0, 0])
  await forge()
  await eventually(t, drops, [0, 1, 0, 0, 0])
  await b.shell(
    'ip addr add 10.66.0.1/32 dev lo && ping -q -c 1 -W 0.1 -I 10.66.0.1 10.9.0.1 || true',
  )
  await eventually(t, drops, [0, 1, 1, 0, 0])
})
