import { runLines } from '../page.ts'
import { type Walk, connected, installOn } from './walk.ts'

/** README.md */
export const readme: Walk = async (t, page, start) => {
  const { a, b } = await connected(start)
  await installOn(page.next('sh'), a, b)
  t.regex(await runLines(page.next('sh'), { a, b }), /1 received/u)
  await a.endPrograms()
  await b.endPrograms()

  await a.install(page.next('sh'))
  await a.save(page.next('js'))
  await a.leave('sudo node relay.mjs', /^ready: tun0 \{/mu)
  t.regex(await a.shell('ip -brief address show tun0'), / 10\.9\.0\.1\/24 /u)
  await a.endPrograms()

  await a.save(page.next('js'))
  const lengths = a.start(['sudo', 'node', 'lengths.mjs'])
  await a.shell('until ip route get 10.7.0.1 | grep -q vpn0; do sleep 0.01; done')
  await a.shell('ping -q -c 1 -W 0.1 -s 100 10.7.0.1 || true')
  t.regex((await lengths.until('stdout', /^128$/mu))[0], /128/u)

  page.shown('sh', 'the race takes minutes; __test__/bench has its tests')
  await runLines(page.next('sh'), { a })
  t.regex(
    await a.shell('grep CapEff "/proc/$(pgrep -u alice -x tun2udp)/status"'),
    /\t0{12}1000$/mu,
  )
}
