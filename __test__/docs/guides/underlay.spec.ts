import type { ExecutionContext } from 'ava'
import { Machine, cable } from '../../support/docs/machine.ts'
import { pageTest, runLines } from '../../support/docs/page.ts'

/** Starts two machines with a router between them, which is the default route of both. */
async function machinesOf(t: ExecutionContext): Promise<Record<'a' | 'b', Machine>> {
  const hosts = ['a', 'router', 'b'].map((host) => Machine.start(t, host))
  const [a, router, b] = await Promise.all(hosts)
  if (!a || !router || !b) throw new Error('three machines were started')
  await cable([a, 'eth0', '192.0.2.1/24'], [router, 'near', '192.0.2.254/24'])
  await cable([b, 'eth0', '198.51.100.1/24'], [router, 'far', '198.51.100.254/24'])
  await router.shell('sysctl -q -w net.ipv4.ip_forward=1')
  await a.shell('ip route add default via 192.0.2.254')
  await b.shell('ip route add default via 198.51.100.254')
  await a.knows({ 'b.example': '198.51.100.1' })
  await b.knows({ 'a.example': '192.0.2.1' })
  return { a, b }
}

pageTest('docs/guides/underlay.md', async (t, page) => {
  const { a, b } = await machinesOf(t)
  const way = async (words: string) => a.shell(`ip route get ${words}`)
  t.regex(await runLines(page.next('sh'), { a, b }), /1 received/u)
  // Everything leads into the tunnel, even packets to the peer, unless they are marked.
  t.regex(await way('203.0.113.7'), / dev tun0 /u)
  t.regex(await way('198.51.100.1'), / dev tun0 /u)
  t.regex(await way('198.51.100.1 mark 51820'), / via 192\.0\.2\.254 dev eth0 /u)
  await Promise.all([a.endPrograms(), b.endPrograms()])
  await a.shell('ip rule del fwmark 51820')

  t.regex(await runLines(page.next('sh'), { a, b }), /1 received/u)
  t.regex(await way('203.0.113.7'), / dev tun0 /u)
  t.regex(await a.shell('ss -lunH'), /%eth0:5003/u)
  await Promise.all([a.endPrograms(), b.endPrograms()])

  await runLines(page.next('sh'), { a })
})
