import { pageTest, runLines, twoMachines } from '../../support/docs/page.ts'
import { hasTools } from '../../support/skip.ts'

pageTest('docs/guides/security.md', async (t, page) => {
  if (!hasTools(t, 'nft')) {
    page.skip()
    return
  }
  const { a } = await twoMachines(t)
  // An interface of that network replaces WireGuard, which not every kernel has.
  await a.shell(
    'ip tuntap add dev wg0 mode tun && ip addr add 10.100.0.1/24 dev wg0 && ip link set wg0 up',
  )
  await runLines(page.next('sh'), { a })
  t.regex(await a.shell('ss -lunH'), /10\.100\.0\.1:5001/u)
  await a.shell(page.next('sh'))
  t.regex(await a.shell('nft list ruleset'), /udp dport 5001 ip saddr != 10\.100\.0\.2 drop/u)
})
