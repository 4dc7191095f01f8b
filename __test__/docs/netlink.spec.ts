import { Machine } from '../support/docs/machine.ts'
import { pageTest } from '../support/docs/page.ts'

pageTest('docs/netlink.md', async (t, page) => {
  const a = await Machine.start(t, 'a')
  await a.shell(`ip netns add blue
    ip -n blue tuntap add dev vpn0 mode tun
    ip -n blue address add 10.0.0.2/24 dev vpn0`)
  await a.save(page.next('js'))
  t.regex(await a.shell('node configure.mjs'), /^vpn0 tun \d+n?$/mu)
  t.regex(await a.shell('ip -n blue route'), /default via 10\.0\.0\.254 dev vpn0/u)
  for (let block = 0; block < 5; block++) page.typed()
  page.shown('', 'messages of the kernel; __test__/netns/netlink-errors.spec.ts makes such')
})
