import { pageTest, twoMachines } from '../support/docs/page.ts'

pageTest('docs/peers.md', async (t, page) => {
  const { a } = await twoMachines(t)
  await a.save(page.next('js'))
  const running = await a.leave('node hub.mjs', /^ready: tun0$/mu)
  // The relay has no socket of the family of the peer that is added.
  await running.until('stdout', /^replace the peers \[2001:db8::4\]:5001: .*family$/mu)
  await running.until('stdout', /^b 192\.0\.2\.2 0\nc 192\.0\.2\.3 0$/mu)
  const routes = await a.shell('ip route show dev tun0')
  for (const network of ['10.9.0.2', '10.9.0.3', '10.20.2.0/24', '10.20.3.0/24']) {
    t.regex(routes, new RegExp(`^${network} proto static`, 'mu'))
  }
  t.notRegex(routes, /10\.9\.0\.4/u)
})
