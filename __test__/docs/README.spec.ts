import { execFileSync } from 'node:child_process'
import test from 'ava'
import { pageTest, runLines, twoMachines } from '../support/docs/page.ts'
import { ROOT } from '../support/docs/root.ts'
import { isOpenToOthers } from '../support/skip.ts'

pageTest('README.md', async (t, page) => {
  if (!isOpenToOthers(t)) {
    page.skip()
    return
  }
  const { a, b } = await twoMachines(t)
  page.shown('sh', 'an installation is tested with the packages')

  t.regex(await runLines(page.next('sh'), { a, b }), /1 received/u)
  await a.endPrograms()
  await b.endPrograms()

  await a.program('relay.mjs', page.next('ts'))
  await a.leave('node relay.mjs', /^ready: tun0 \{/mu)
  t.regex(await a.shell('ip -brief address show tun0'), / 10\.9\.0\.1\/24 /u)
  await a.endPrograms()

  await a.program('lengths.mjs', page.next('ts'))
  const lengths = a.start(['node', 'lengths.mjs'])
  await a.shell('until ip route get 10.7.0.1 | grep -q vpn0; do sleep 0.01; done')
  await a.shell('ping -q -c 1 -W 0.1 -s 100 10.7.0.1 || true')
  t.regex((await lengths.until('stdout', /^128$/mu))[0], /128/u)

  page.shown('sh', 'the race takes minutes; __test__/bench has its tests')
  await runLines(page.next('sh'), { a })
  t.regex(
    await a.shell('grep CapEff "/proc/$(pgrep -u alice -x tun2udp)/status"'),
    /\t0{12}1000$/mu,
  )
})

test('the results in the README are those that were recorded', (t) => {
  t.notThrows(() =>
    execFileSync(process.execPath, ['scripts/readme-results.js', '--check'], { cwd: ROOT }),
  )
})
