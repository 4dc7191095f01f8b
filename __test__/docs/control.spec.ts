import { METHODS, EARLY_METHODS } from '../../bin/tun2udp/control/requests/table.ts'
import { readFileSync } from 'node:fs'
import test from 'ava'
import { Machine } from '../support/docs/machine.ts'
import { pageTest } from '../support/docs/page.ts'
import { ROOT } from '../support/docs/root.ts'
import { hasTools, isOpenToOthers } from '../support/skip.ts'

pageTest('docs/control.md', async (t, page) => {
  if (!isOpenToOthers(t) || !hasTools(t, 'socat', 'setpriv')) {
    page.skip()
    return
  }
  const a = await Machine.start(t, 'a')
  await a.shell('mount -t tmpfs tmpfs /run && mkdir -m 755 /run/tun2udp')
  await a.leave('tun2udp 10.9.0.1/24 5001 0 --name vpn0', /^ready/mu)
  const answer = JSON.parse(await a.shell(page.next('sh'))) as { result: { peers: object[] } }
  t.like(answer, { id: 1 })
  t.like(answer.result.peers[0], { name: '127.0.0.1:5001' })

  // Services have a folder each. A relay with `--user` leaves its socket, which clients ignore and the next one replaces.
  await a.shell(
    'chown nobody /run/tun2udp && ! tun2udp show 2>error; grep "belongs to the user" error',
  )
  await a.shell(
    'chown root /run/tun2udp && mkdir /run/tun2udp/vpn1 && chown nobody /run/tun2udp/vpn1',
  )
  const start = 'env RUNTIME_DIRECTORY=/run/tun2udp/vpn1 tun2udp 10.8.0.1/24 5001 0 --name vpn1'
  const asUser = `setpriv --reuid nobody --clear-groups --inh-caps +net_admin --ambient-caps +net_admin ${start}`
  await a.shell('chmod 666 /dev/net/tun')
  await a.leave(asUser, /^ready/mu)
  t.is(await a.shell('stat -c "%a %U" /run/tun2udp/vpn1/vpn1.sock'), '600 nobody\n')
  t.is((await a.shell('tun2udp show --json')).split('\n').length, 3)
  t.regex(await a.shell('tun2udp show vpn1'), /^vpn1: 10\.8\.0\.1\/24/u)
  await a.shell('tun2udp stop vpn1 && tun2udp stop vpn0 && ! tun2udp show')
  const dropping = 'tun2udp 10.9.0.1/24 5001 0 --name vpn0 --user nobody'
  await a.leave(dropping, /^ready/mu)
  t.regex(await a.shell('tun2udp show'), /^vpn0: /u)
  await a.shell('tun2udp stop')
  await a.shell('test -S /run/tun2udp/vpn0.sock && ! tun2udp show')
  await a.leave(dropping, /^ready/mu)
  t.regex(await a.shell('tun2udp show'), /^vpn0: /u)
})

test('the page has every method', (t) => {
  const page = readFileSync(`${ROOT}docs/control.md`, 'utf8')
  const methods = page.split('\n## Methods\n')[1]?.split('\n### ')[0] ?? ''
  const named = [...methods.matchAll(/^\| `([a-z.-]+)` \|/gmu)].map(([, name]) => name)
  t.deepEqual(named, [...METHODS.keys(), ...EARLY_METHODS.keys()])
})
