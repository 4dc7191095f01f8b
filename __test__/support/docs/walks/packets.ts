import type { Walk } from './walk.ts'

/** docs/guides/packets.md */
export const packets: Walk = async (t, page, start) => {
  const a = await start('a')
  await a.install(page.next('sh'))
  await a.save(page.next('js'))
  await a.leave(page.next('sh').trim(), /^ready: echo0$/mu)
  t.regex(await a.shell(page.next('sh')), /from 10\.8\.0\.77: icmp_seq=1[^]+1 received/u)

  await a.save(page.next('js'))
  const count = await a.leave('node count.mjs', /^ready: count0$/mu)
  await a.shell('ping -q -c 3 -i 0.002 -W 0.1 10.8.1.2 || true')
  await count.until('stdout', /^\d+ packets, (?!0)\d+ bytes so far$/mu)

  await a.save(page.next('js'))
  t.is(await a.shell('node enough.mjs'), 'enough\n')
}
