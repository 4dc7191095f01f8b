import { pageTest, runLines } from '../support/docs/page.ts'
import { connected, installOn } from '../support/docs/walks/walk.ts'

pageTest('docs/index.md', async (t, page, start) => {
  const { a, b } = await connected(start)
  await installOn(page.next('sh'), a, b)
  t.regex(await runLines(page.next('sh'), { a, b }), /1 received/u)
  await a.endPrograms()
  await a.install(page.next('sh'))
  await a.save(page.next('js'))
  const lengths = a.start(['sudo', 'node', 'lengths.mjs'])
  await a.shell('until ip route get 10.8.0.2 | grep -q vpn0; do sleep 0.01; done')
  await a.shell('ping -q -c 1 -W 0.1 -s 100 10.8.0.2 || true')
  await lengths.until('stdout', /^10\.8\.0\.1 to 10\.8\.0\.2 128$/mu)
})
