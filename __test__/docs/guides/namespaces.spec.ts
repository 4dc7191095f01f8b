import { Machine } from '../../support/docs/machine.ts'
import { pageTest } from '../../support/docs/page.ts'

pageTest('docs/guides/namespaces.md', async (t, page) => {
  const a = await Machine.start(t, 'a')
  await a.install(page.next('sh'))
  await a.save(page.next('js'))
  t.regex(await a.shell(page.next('sh')), /pass 1\n[^]*fail 0\n[^]*skipped 0\n/u)
  t.is(await a.shell('ip -brief link | grep -v ^lo || true'), '')

  await a.shell(page.next('sh'))
  await a.save(page.next('js'))
  t.regex(await a.shell(page.next('sh')), /^lo +UNKNOWN .*\nhello\nping: 0\n$/u)
  t.is(await a.shell('ip netns list'), '')
  t.regex(await a.shell(page.next('sh')), /^lo +UNKNOWN/u)
})
