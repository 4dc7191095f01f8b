import { Machine } from '../../support/docs/machine.ts'
import { pageTest } from '../../support/docs/page.ts'

pageTest('docs/guides/packets.md', async (t, page) => {
  const a = await Machine.start(t, 'a')
  await a.program('echo.mjs', page.next('ts'))
  await a.leave(page.next('sh').trim(), /^ready: echo0$/mu)
  t.regex(await a.shell(page.next('sh')), /from 10\.8\.0\.77: icmp_seq=1[^]+1 received/u)

  await a.program('count.mjs', page.next('ts'))
  const count = await a.leave('node count.mjs', /^ready: count0$/mu)
  await a.shell('ping -q -c 3 -i 0.002 -W 0.1 10.8.1.2 || true')
  await count.until('stdout', /^\d+ packets, (?!0)\d+ bytes so far$/mu)

  await a.program('enough.mjs', page.next('ts'))
  t.is(await a.shell('node enough.mjs'), 'enough\n')
})
