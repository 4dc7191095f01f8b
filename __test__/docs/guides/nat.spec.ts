import type { ExecutionContext } from 'ava'
import { Machine, cable } from '../../support/docs/machine.ts'
import { pageTest, runLines } from '../../support/docs/page.ts'
import { nat } from '../../support/docs/walks/nat.ts'
import { hasTools, rootTest } from '../../support/skip.ts'

/** Starts the machines of the page: `a` outside, and `b` behind the router. */
async function machinesOf(t: ExecutionContext): Promise<Record<'a' | 'router' | 'b', Machine>> {
  const [a, router, b] = await Promise.all(
    ['a', 'router', 'b'].map((host) => Machine.start(t, host)),
  )
  if (!a || !router || !b) throw new Error('three machines were started')
  await cable([a, 'eth0', '198.51.100.10/24'], [router, 'wan', '198.51.100.1/24'])
  await cable([b, 'eth0', '192.168.1.20/24'], [router, 'lan', '192.168.1.1/24'])
  await b.shell('ip route add default via 192.168.1.1')
  await a.knows({ 'home.example': '198.51.100.1' })
  await b.knows({ 'a.example': '198.51.100.10' })
  return { a, router, b }
}

pageTest('docs/guides/nat.md', async (t, page, start) => {
  if (!hasTools(t, 'nft')) {
    page.skip()
    return
  }
  await nat(t, page, start)
})

/** Starts both ends, with a router that forwards no port. */
async function masqueraded(t: ExecutionContext): Promise<Record<'a' | 'b', Machine>> {
  const { a, router, b } = await machinesOf(t)
  await router.shell(`sysctl -q -w net.ipv4.ip_forward=1
    nft add table ip home
    nft add chain ip home outgoing '{ type nat hook postrouting priority srcnat; }'
    nft add rule ip home outgoing oifname wan masquerade`)
  await runLines('sudo tun2udp 10.9.0.1/24 5001 5001 --peer home.example', { a })
  await runLines('sudo tun2udp 10.9.0.2/24 5001 5001 --peer a.example', { b })
  return { a, b }
}

rootTest(
  'no forwarded port: the outer side reaches the inner one if that sent first',
  async (t) => {
    if (!hasTools(t, 'nft')) return
    const { a, b } = await masqueraded(t)
    t.regex(await b.shell('ping -q -c 1 10.9.0.1'), /1 received/u)
    t.regex(await a.shell('ping -q -c 1 10.9.0.2'), /1 received/u)
  },
)

rootTest('no forwarded port: replies do not pass if the outer side sent first', async (t) => {
  if (!hasTools(t, 'nft')) return
  const { a, b } = await masqueraded(t)
  await t.throwsAsync(a.shell('ping -q -c 1 -W 0.2 10.9.0.2'), undefined, 'there is no way in')
  await t.throwsAsync(b.shell('ping -q -c 1 -W 0.5 10.9.0.1'), undefined, 'replies go to port 5001')
})
