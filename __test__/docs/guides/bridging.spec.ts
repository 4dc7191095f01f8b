import { Machine, cable } from '../../support/docs/machine.ts'
import { pageTest, runLines, twoMachines } from '../../support/docs/page.ts'
import { installOn } from '../../support/docs/walks/walk.ts'

pageTest('docs/guides/bridging.md', async (t, page) => {
  const { a, b } = await twoMachines(t)
  const [pc, printer] = [await Machine.start(t, 'pc'), await Machine.start(t, 'printer')]
  await cable([pc, 'eth0', '192.168.7.1/24'], [a, 'lan0', '192.168.7.101/24'])
  await cable([printer, 'eth0', '192.168.7.2/24'], [b, 'lan0', '192.168.7.102/24'])
  for (const machine of [a, b]) {
    // A port of a bridge has no address. The firewall of this machine must not see what the bridge forwards.
    await machine.shell(`ip address flush dev lan0
      for file in /proc/sys/net/bridge/bridge-nf-call-*tables; do [ ! -e $file ] || echo 0 >$file; done`)
  }
  for (const [number, machine] of [pc, printer].entries()) {
    await machine.shell(`ip address add fd07::${number + 1}/64 dev eth0 nodad`)
  }
  await installOn(page.next('sh'), a, b)
  await runLines(page.next('sh'), { a, b })

  const seen = await runLines(page.next('sh'), { pc })
  t.regex(seen, /1 received/u)
  const [, address = '?'] =
    /ether ([\da-f:]{17})/u.exec(await printer.shell('ip link show dev eth0')) ?? []
  t.true(seen.includes(`192.168.7.2 dev eth0 lladdr ${address}`), seen)
  t.regex(await pc.shell('ping -c 1 fd07::2'), /1 received/u, 'neighbor discovery')
  await printer.shell('sysctl -q -w net.ipv4.icmp_echo_ignore_broadcasts=0')
  t.regex(await pc.shell('ping -c 1 -b 192.168.7.255 2>&1'), /from 192\.168\.7\.2/u, 'broadcast')

  // TCP in both directions, with more bytes than fit into the path at once.
  const server = `require('node:net').createServer((socket) => socket.pipe(socket)).listen(7, () => console.log('ready'))`
  await printer.leave(`node -e "${server}"`, /ready/u)
  const client = `const socket = require('node:net').connect(7, '192.168.7.2')
    let bytes = 0
    socket.on('data', (data) => { bytes += data.length; if (bytes === 5e6) { console.log('echoed', bytes); socket.end() } })
    socket.write(Buffer.alloc(5e6))`
  await pc.write('client.cjs', client)
  t.regex(await pc.shell('node client.cjs'), /echoed 5000000/u)

  const narrow = await pc.shell(`(${page.next('sh').split('#')[0] ?? ''}) 2>&1`)
  t.regex(narrow, /mtu ?= ?1458/u)
  t.regex(narrow, /1430\(1458\) bytes[^]*1 received/u)

  await runLines(page.next('sh'), { a })
  t.regex(await a.shell('ip link show dev tap1'), /master br0 .*state (UP|UNKNOWN)/u)
  await a.endPrograms()
  t.regex(await a.shell('ip link show dev tap1'), /master br0/u, 'it stays')
  const ports = (await a.shell('ip -brief link show master br0')).match(/^\w+/gmu)
  t.deepEqual(ports?.sort(), ['lan0', 'tap1'])

  t.regex(await runLines(page.next('sh'), { a, b }), /1 received/u)
})
