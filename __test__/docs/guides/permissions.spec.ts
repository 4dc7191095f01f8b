import { Machine } from '../../support/docs/machine.ts'
import { pageTest, runLines } from '../../support/docs/page.ts'
import { isOpenToOthers } from '../../support/skip.ts'

pageTest('docs/guides/permissions.md', async (t, page) => {
  if (!isOpenToOthers(t)) {
    page.skip()
    return
  }
  const a = await Machine.start(t, 'a')
  const status = async (user: string) =>
    a.shell(`grep -E 'CapEff|CapBnd|NoNewPrivs' "/proc/$(pgrep -u ${user} -x tun2udp)/status"`)
  await runLines(page.next('sh'), { a })
  t.is(
    await status('alice'),
    'CapEff:\t0000000000001000\nCapBnd:\t0000000000001000\nNoNewPrivs:\t1\n',
  )
  await runLines(page.next('sh'), { a })
  t.regex(await status('nobody'), /CapEff:\t0{16}\n/u)
  t.regex(await a.shell(page.next('sh')), /^ready: tun0 10\.9\.0\.1\/24/u)
})
