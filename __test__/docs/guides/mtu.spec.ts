import { pageTest, runLines, twoRoutedMachines } from '../../support/docs/page.ts'

pageTest('docs/guides/mtu.md', async (t, page) => {
  const { a, router, b } = await twoRoutedMachines(t)
  await router.shell('ip link set far mtu 1400')
  await b.shell('ip link set eth0 mtu 1400')
  await runLines(page.next('sh'), { a, b })
  t.regex(await a.shell('ping -q -c 1 10.9.0.2'), /1 received/u)
  const ping = page.next('sh').trim()
  t.regex(ping, /-s 1372 /u)
  // The first packet is lost at the router; the second one is refused by the relay.
  await a.shell(`${ping} || true`)
  const refused = `${ping} 2>&1 || true`
  t.regex(await a.shell(refused), /Frag needed and DF set \(mtu = 1372\)|mtu=1372/u)
  t.regex(await a.shell(page.next('sh')), /\bmtu 1372\b/u)
  await a.endPrograms()

  const start = page.next('sh').trim()
  const again = await a.leave(start, /"event":"ready"/u)
  await again.until('stdout', /"pathMtu":\{"outside":1500,"inside":1472,"source":"start"\}/u)
  // The kernel still knows the MTU that the router reported.
  await a.shell(`${ping} || true`)
  await again.until('stdout', /"pathMtu":\{"outside":1400,"inside":1372,"source":"route"\}/u)
  await a.endPrograms()
  await a.shell('ip route flush cache')
  const stats = await a.leave(start, /"event":"ready"/u)
  await a.shell(`${ping} || true`)
  const [, pathMtu = ''] = await stats.until('stdout', /"pathMtu":(\{.*?"router".*?\})/u)
  const text = '{"outside":1400,"inside":1372,"source":"router","router":"192.0.2.254"}'
  t.deepEqual(JSON.parse(pathMtu), JSON.parse(text))
  await Promise.all([a.endPrograms(), b.endPrograms()])

  t.regex(await runLines(page.next('sh'), { a, b }), /1 received/u)
  await t.throwsAsync(a.shell('ping -c 1 -W 1 -M do -s 1345 10.9.0.2'))
  await Promise.all([a.endPrograms(), b.endPrograms()])

  await runLines('sudo tun2udp 10.9.0.1/24 5001 5001 --peer b.example', { a })
  await runLines('sudo tun2udp 10.9.0.2/24 5001 5001 --peer a.example', { b })
  t.regex(await runLines(page.next('sh'), { a, b }), /1 received/u)
  t.regex(await a.shell('ip link show dev tun1'), /\bmtu 1444\b/u)
  // One packet is lost at the router, one in the outer relay, and one in the inner relay.
  const told = "ip route get 10.8.0.2 | grep -q 'mtu 1344'"
  await a.shell(
    `for i in 1 2 3 4 5 6; do ping -c 1 -W 1 -M do -s 1400 10.8.0.2 || true; ${told} && break; done`,
  )
  t.regex(await a.shell('ip route get 10.8.0.2'), /\bmtu 1344\b/u)
  t.regex(await a.shell('ping -c 1 -M do -s 1316 10.8.0.2'), /1 received/u)
})
