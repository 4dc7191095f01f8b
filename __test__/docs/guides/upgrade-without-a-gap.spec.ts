import { readFileSync } from 'node:fs'
import { pageTest, runLines, twoMachines } from '../../support/docs/page.ts'
import { ROOT } from '../../support/docs/root.ts'

pageTest('docs/guides/upgrade-without-a-gap.md', async (t, page) => {
  const { a, b } = await twoMachines(t)
  await runLines('sudo tun2udp 10.9.0.2/24 5001 5001 --peer a.example', { b })
  const first = a.start(['bash', '-c', `exec ${page.next('sh')}`])
  await first.until('stdout', /^ready/mu)
  const index = await a.shell('ip -o link show dev vpn0 | cut -d: -f1')
  t.regex(await a.shell('ping -q -c 1 -W 5 10.9.0.2'), /1 received/u)
  const carrier = 'ip -d -s link show dev vpn0 >/dev/null; cat /sys/class/net/vpn0/carrier_changes'
  const before = await a.shell(`mount -t sysfs sysfs /sys 2>/dev/null || true; ${carrier}`)
  await runLines(page.next('sh'), { a })
  t.is((await first.ended).status, 0)
  t.regex(await a.shell('ping -q -c 1 -W 5 10.9.0.2'), /1 received/u)
  t.is(await a.shell('ip -o link show dev vpn0 | cut -d: -f1'), index)
  t.is(await a.shell(page.next('sh')), before)
  await a.endPrograms()

  page.shown('sh', 'no service manager runs in a namespace; fd-store.spec.ts does what it would do')
  for (const unit of ['tun2udp@.service', 'tun2udp-config@.service']) {
    const text = readFileSync(`${ROOT}contrib/${unit}`, 'utf8')
    t.regex(text, /^FileDescriptorStoreMax=512$/mu)
    // The store is kept over a restart by default (`FileDescriptorStorePreserve=restart`).
    t.notRegex(text, /^FileDescriptorStorePreserve=/mu)
  }

  await a.install(page.next('sh'))
  await a.write('upgrade.js', page.next('js'))
  t.is(await a.shell('node upgrade.js'), 'true\n')
})
