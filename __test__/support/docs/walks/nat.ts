import { cable } from '../machine.ts'
import { runLines } from '../page.ts'
import { type Walk, installOn } from './walk.ts'

/** docs/guides/nat.md */
export const nat: Walk = async (t, page, start) => {
  const [a, router, b] = [await start('a'), await start('router'), await start('b')]
  await cable([a, 'eth0', '198.51.100.10/24'], [router, 'wan', '198.51.100.1/24'])
  await cable([b, 'eth0', '192.168.1.20/24'], [router, 'lan', '192.168.1.1/24'])
  await b.shell('ip route add default via 192.168.1.1')
  await a.knows({ 'home.example': '198.51.100.1' })
  await b.knows({ 'a.example': '198.51.100.10' })

  await router.shell(page.next('sh'))
  await installOn(page.next('sh'), a, b)
  const printed = await runLines(page.next('sh'), { a, b })
  t.is(printed.match(/1 received/gu)?.length, 2)
}
