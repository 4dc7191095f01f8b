import { Machine, cable } from '../../support/docs/machine.ts'
import { pageTest, runLines } from '../../support/docs/page.ts'
import { hasTools } from '../../support/skip.ts'

pageTest('docs/guides/nat.md', async (t, page) => {
  if (!hasTools(t, 'nft')) {
    page.skip()
    return
  }
  const [a, router, b] = await Promise.all(
    ['a', 'router', 'b'].map((host) => Machine.start(t, host)),
  )
  if (!a || !router || !b) throw new Error('three machines were started')
  await cable([a, 'eth0', '198.51.100.10/24'], [router, 'wan', '198.51.100.1/24'])
  await cable([b, 'eth0', '192.168.1.20/24'], [router, 'lan', '192.168.1.1/24'])
  await b.shell('ip route add default via 192.168.1.1')
  await a.knows({ 'home.example': '198.51.100.1' })
  await b.knows({ 'a.example': '198.51.100.10' })

  await router.shell(page.next('sh'))
  const printed = await runLines(page.next('sh'), { a, b })
  t.is(printed.match(/1 received/gu)?.length, 2)
})
