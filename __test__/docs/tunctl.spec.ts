import { Machine } from '../support/docs/machine.ts'
import { pageTest } from '../support/docs/page.ts'

pageTest('docs/tunctl.md', async (t, page) => {
  const a = await Machine.start(t, 'a')
  // npx itself is tested with the packages; here it is what it would start.
  await a.write('/usr/local/bin/npx', '#!/bin/sh\n[ "$1" = -p ] && shift 2 && exec "$@"\n')
  await a.shell('chmod +x /usr/local/bin/npx')
  t.is(await a.shell(page.next('sh')), 'tap0\n')
  // Its devices and process are not at hand; __test__/netns/tunctl/extras.spec.ts has the format.
  const [, listed = '', created = ''] = page.next('').split(/^\$ .*\n/mu)
  const lines = listed.trim().split('\n')
  const line =
    /^\w+: (tun|tap) persistent( [ug]id \d+)*( up)?( multi-queue)? mtu \d+( held by \d+ \(.+\))?$/u
  for (const text of [...lines, (await a.shell('tunctl --list')).trim()]) t.regex(text, line)
  const made = JSON.parse(await a.shell('tunctl --json -t vm1 -u alice')) as object
  t.deepEqual({ ...made, owner: 1000 }, JSON.parse(created))
})
