import { Machine } from '../support/docs/machine.ts'
import { pageTest } from '../support/docs/page.ts'

pageTest('docs/persistent-devices.md', async (t, page) => {
  const a = await Machine.start(t, 'a')
  // This program opens the device instead of the page's virtual machine.
  await a.write('/usr/local/bin/qemu-system-x86_64', '#!/bin/sh\necho "$@"\n')
  await a.shell('chmod +x /usr/local/bin/qemu-system-x86_64')
  t.regex(await a.shell(page.next('sh')), /^vm0\n.*ifname=vm0/u)
  t.regex(await a.shell('tunctl --list'), /^vm0: tap persistent uid 7101 up/u)

  await a.write('/etc/systemd/system/tap-vm0.service', page.next('ini'))
  await a.shell('if command -v systemd-analyze; then systemd-analyze verify tap-vm0.service; fi')
  const unit = await a.shell("grep -E '^Exec(Start|Stop)=' /etc/systemd/system/tap-vm0.service")
  for (const line of unit.trim().split('\n')) await a.shell(line.replace(/^\w+=/u, ''))
  t.is(await a.shell('tunctl --list'), '')

  await a.save(page.next('js'))
  t.regex(await a.shell('node devices.mjs'), /^vm0 tap 7101 free$/mu)
})
