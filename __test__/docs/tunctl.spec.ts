import { Machine } from '../support/docs/machine.ts'
import { pageTest } from '../support/docs/page.ts'
import { ROOT } from '../support/docs/root.ts'

pageTest('docs/tunctl.md', async (t, page) => {
  const a = await Machine.start(t, 'a')
  // The test of the packages runs npx and a global installation; this is the result of both.
  await a.write('/usr/local/bin/npx', '#!/bin/sh\n[ "$1" = -p ] && shift 2 && exec "$@"\n')
  await a.write('/usr/local/bin/npm', '#!/bin/sh\necho /usr/local/lib/node_modules\n')
  await a.shell(`chmod +x /usr/local/bin/np[xm] && mkdir -p /usr/local/lib/node_modules
    ln -s '${ROOT}' /usr/local/lib/node_modules/tun2udp
    mv /usr/local/bin/tunctl /usr/local/bin/tun2udp-tunctl`)
  t.is(await a.shell(page.next('sh')), 'tap0\n')
  await a.shell(page.next('sh'))
  t.is((await a.shell('type -P tunctl')).trim(), '/usr/local/bin/tunctl')
  // Its devices and process do not exist here; __test__/netns/tunctl/extras.spec.ts tests the format.
  const [, listed = '', created = ''] = page.next('').split(/^\$ .*\n/mu)
  const lines = listed.trim().split('\n')
  const line =
    /^\w+: (tun|tap) persistent( [ug]id \d+)*( up)?( multi-queue)? mtu \d+( held by \d+ \(.+\))?$/u
  for (const text of [...lines, (await a.shell('tunctl --list')).trim()]) t.regex(text, line)
  const made = JSON.parse(await a.shell('tunctl --json -t vm1 -u alice')) as object
  t.deepEqual({ ...made, owner: 1000 }, JSON.parse(created))
})
