import { runLines } from '../page.ts'
import type { Walk } from './walk.ts'

/** docs/guides/first-tunnel.md */
export const firstTunnel: Walk = async (t, page, start) => {
  const a = await start('a')
  await a.install(page.next('sh'))
  t.regex(await a.shell(page.next('sh')), /^\d+\.\d+\.\d+/u)
  await a.shell(page.next('sh'))
  const first = await a.leave(page.next('sh').trim(), /^ready: .*\n/mu)
  await runLines(page.next('sh'), { a })
  t.is(/^ready: .*\n/mu.exec(first.stdout)?.[0], page.next('text'))
  t.regex(await a.shell(page.next('sh')), /1 received[^]+ 10\.9\.0\.1\/24[^]+ 10\.9\.0\.2\/24/u)
  await a.endPrograms()
  t.is(await a.shell('ip -brief link show type tun'), '')
  t.is(await a.shell('ip netns exec blue ip -brief link show type tun'), '')
  await a.shell(page.next('sh'))
}
