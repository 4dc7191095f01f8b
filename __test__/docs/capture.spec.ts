import { pageTest } from '../support/docs/page.ts'
import { Machine } from '../support/docs/machine.ts'
import { hasTools } from '../support/skip.ts'

/** The library's part of a program, behind a relay that pings pass. */
const AROUND = (body: string) => `
import { startRelay } from 'tun2udp'
await using relay = await startRelay({
  addresses: ['10.8.0.1/24'], name: 'vpn1', sendPort: 5003, receivePort: 0,
})
console.log('ready')
${body}`

pageTest('docs/capture.md', async (t, page) => {
  if (!hasTools(t, 'ping', 'tcpdump', 'tshark')) {
    page.skip()
    return
  }
  const a = await Machine.start(t, 'a')
  await a.shell('mount -t tmpfs tmpfs /run && mkdir -m 755 /run/tun2udp')
  await a.leave('tun2udp 10.9.0.1/24 5001 0 --name vpn0', /^ready/mu)
  const pings = 'for n in 1 2 3 4 5 6 7 8; do ping -c 1 -W 1 10.9.0.2; done >/dev/null'
  const captured = async (command: string): Promise<string> =>
    a.shell(`(${command.trim()}) 2>counts & (${pings}) ; wait %1; cat counts`)
  t.regex(await captured(page.next('sh')), /^tun2udp: packets: 4 captured, \d+ left out$/mu)
  t.regex(await captured(page.next('sh')), /^tun2udp: packets: 2 captured, \d+ left out$/mu)
  const read = 'tshark -r web.pcapng -T fields -e _ws.col.Protocol 2>/dev/null'
  t.regex(await a.shell(read), /ICMP/u)
  await a.program('capture.mjs', AROUND(page.next('js')))
  const program = a.shell('node capture.mjs')
  await a.shell(pings.replaceAll('10.9.0.2', '10.8.0.2'))
  t.regex(await program, /^ready\ntrue\n(?:true\n)*true\n$/u)
})
