import type { Walk } from './walk.ts'

/** docs/guides/tap-without-root.md */
export const tapWithoutRoot: Walk = async (t, page, start) => {
  const a = await start('a')
  await a.install(page.next('sh'))
  t.regex(await a.shell(page.next('sh')), /^vm0\nvm0: tap persistent uid 7101 up/u)
  await a.install(page.next('sh'))
  await a.save(page.next('js'))

  const frames = a.start(['bash', '-c', `exec ${page.next('sh')}`])
  await frames.until('stdout', /^ready: vm0$/mu)
  const bob = await a.start(['bash', '-c', page.next('sh')]).ended
  t.is(bob.status, 1)
  t.regex(bob.stderr, /ERR_TUN_PERMISSION/u)
  await a.shell('ping -q -c 1 -W 0.1 10.8.0.2 || true')
  t.regex((await frames.ended).stdout, /^42 bytes of type 0x0806$/mu)

  t.regex(await a.shell('ip -brief address show vm0'), /10\.8\.0\.1\/24/u)
  await a.shell(page.next('sh'))
  t.is(await a.shell('tun2udp-tunctl --list'), '')
}
