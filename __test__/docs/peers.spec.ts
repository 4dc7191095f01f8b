import { pageTest, twoMachines } from '../support/docs/page.ts'

pageTest('docs/peers.md', async (t, page) => {
  const { a } = await twoMachines(t)
  await a.save(page.next('js'))
  const running = await a.leave('node hub.mjs', /^ready: tun0$/mu)
  await running.until('stdout', /^b 192\.0\.2\.2 0\nc 192\.0\.2\.3 0\nd 192\.0\.2\.4 0$/mu)
  const routes = await a.shell('ip route show dev tun0')
  for (const network of ['10.9.0.2', '10.9.0.3', '10.9.0.4', '10.20.2.0/24', '10.20.3.0/24']) {
    t.regex(routes, new RegExp(`^${network} proto static`, 'mu'))
  }
})
