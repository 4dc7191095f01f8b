import { runLines } from '../page.ts'
import { type Walk, connected, installOn } from './walk.ts'

/** docs/guides/two-machines.md */
export const twoMachines: Walk = async (t, page, start) => {
  const { a, b } = await connected(start)
  const end = async () => {
    await a.endPrograms()
    await b.endPrograms()
  }
  await installOn(page.next('sh'), a, b)
  t.regex(await runLines(page.next('sh'), { a, b }), /1 received/u)
  await end()
  await b.shell(
    'ip tuntap add dev net0 mode tun && ip addr add 10.20.0.1/16 dev net0 && ip link set net0 up',
  )
  t.regex(await runLines(page.next('sh'), { a, b }), /1 received/u)
  t.regex(await a.shell('ip link show dev tun0'), / mtu 1472 /u)
  await end()
  t.regex(await runLines(page.next('sh'), { a, b }), /1 received/u)
}
