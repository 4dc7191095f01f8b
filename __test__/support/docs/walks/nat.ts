import { cable, end } from '../machine.ts'
import { runLines } from '../page.ts'
import { type Walk, installOn } from './walk.ts'

/** docs/guides/nat.md */
export const nat: Walk = async (t, page, start) => {
  const [a, router, b] = [await start('a'), await start('router'), await start('b')]
  await cable([a, 'eth0', '198.51.100.10/24'], [router, 'wan', '198.51.100.1/24'])
  await cable([b, 'eth0', '192.168.1.20/24'], [router, 'lan', '192.168.1.1/24'])
  await b.shell('ip route add default via 192.168.1.1')
  await a.knows({ 'home.example': '198.51.100.1' })
  await b.knows({ 'a.example': '198.51.100.10' })

  await installOn(page.next('sh'), a, b)
  // The router of a home: it changes every source port, and forwards none.
  await router.shell(`sysctl -q -w net.ipv4.ip_forward=1
    nft add table ip home
    nft add chain ip home outgoing '{ type nat hook postrouting priority srcnat; }'
    nft add rule ip home outgoing oifname wan meta l4proto udp masquerade to :20000-29999`)
  for (const machine of [a, b]) await machine.write('/etc/tun2udp/nat.jsonc', page.next('jsonc'))
  const commands = page.next('sh')
  const followed = await runLines(commands, { a, b })
  t.is(followed.match(/1 received/gu)?.length, 2)
  // `a` is restarted while `b` sends all the time, and therefore no keepalives.
  const sending = b.start(['ping', '-i', '0.2', '10.9.0.1'])
  await a.endPrograms()
  await runLines(commands.split('\n')[0] ?? '', { a })
  t.regex(await b.shell('ping -c 1 -W 5 10.9.0.1'), /1 received/u)
  end(sending)
  await sending.ended
  for (const machine of [a, b]) await machine.endPrograms()
  await router.shell('nft delete table ip home')

  await router.shell(page.next('sh'))
  const printed = await runLines(page.next('sh'), { a, b })
  t.is(printed.match(/1 received/gu)?.length, 2)
}
