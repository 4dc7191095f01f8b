import { readPcapng } from '../support/capture/pcapng.ts'
import { Machine } from '../support/docs/machine.ts'
import { pageTest } from '../support/docs/page.ts'
import { hasTools } from '../support/skip.ts'

/** The beginning of the program of the page: a relay, and packets for it. */
const BEFORE = `import { createSocket } from 'node:dgram'
import { startRelay } from 'tun2udp'
const relay = await startRelay({ addresses: ['10.8.0.1/24'], sendPort: 5001, receivePort: 0 })
const socket = createSocket('udp4')
const timer = setInterval(() => socket.send('packet', 9, '10.8.0.2'), 20)
`
const AFTER = `
clearInterval(timer)
socket.close()
await relay.close()
`

pageTest('docs/capture.md', async (t, page) => {
  if (!hasTools(t, 'ping', 'tcpdump')) {
    page.skip()
    return
  }
  const a = await Machine.start(t, 'a')
  await a.shell('mount -t tmpfs tmpfs /run && mkdir -m 755 /run/tun2udp')
  await a.leave('tun2udp 10.9.0.1/24 5001 0 --name vpn0', /^ready/mu)
  // A capture with a limit ends only if packets pass. Nothing answers, and `ping -O` reports that.
  await a.leave('ping -O -i 0.05 10.9.0.2', /no answer/u)
  await a.shell(page.next('sh'))
  const packets = async (file: string) =>
    readPcapng(Buffer.from(await a.shell(`base64 ${file}`), 'base64')).packets
  t.is((await packets('tunnel.pcapng')).length, 4)
  t.regex(
    await a.shell(page.next('sh')),
    /^(.* IP 10\.9\.0\.1 > 10\.9\.0\.2: ICMP echo request.*\n){4}$/u,
  )
  await a.shell(page.next('sh'))
  const filtered = await packets('web.pcapng')
  t.is(filtered.length, 2)
  // An echo request, and the datagram that carries it.
  t.deepEqual(
    filtered.map(({ point, data }) => [point, data[point === 'udp' ? 28 + 9 : 9]]).sort(),
    [
      ['udp', 1],
      ['vpn0', 1],
    ],
  )
  // tcpdump reads files of one point.
  await a.shell('tun2udp capture vpn0 inside.pcapng --inside --count 2')
  t.regex(await a.shell('tcpdump -n -r inside.pcapng'), /^(.* IP.*\n){2}$/u)

  await a.program('capture.mjs', BEFORE + page.next('js') + AFTER)
  const printed = (await a.shell('node capture.mjs')).trimEnd().split('\n')
  t.true(printed.length >= 2)
  t.deepEqual([...new Set(printed)], ['true'])
})
