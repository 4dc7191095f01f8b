import { pageTest, runLines, twoMachines } from '../support/docs/page.ts'
import { hasTools } from '../support/skip.ts'

pageTest('docs/tun2udp.md', async (t, page) => {
  if (!hasTools(t, 'socat')) {
    page.skip()
    return
  }
  const { a, b } = await twoMachines(t)
  const usage = page.next('sh').trim()
  const expected = /^Usage: (.+)$/mu.exec(await a.shell('tun2udp --help'))?.[1] ?? ''
  t.is(
    usage.replaceAll(/[^a-z0-9]/giu, '').toLowerCase(),
    expected.replaceAll(/[^a-z0-9]/giu, '').toLowerCase(),
  )
  const json = await a.leave(page.next('sh').trim(), /"event":"ready"/u)
  await json.until('stdout', /"event":"stats"/u)
  await a.endPrograms()

  // It is started first, and survives that no process listens on the peer's port yet.
  const socat = b.start(['bash', '-c', `exec ${page.next('sh')}`])
  t.teardown(() => socat.child.kill('SIGKILL'))
  await b.shell('until ip -brief address show type tun | grep -q 10.9.0.2; do sleep 0.01; done')
  await b.shell('ping -q -c 3 -i 0.2 -W 0.2 10.9.0.1 || true')
  await runLines('tun2udp 10.9.0.1/24 5001 5001 --peer b.example', { a })
  t.regex(
    await a.shell('for i in 1 2 3 4 5 6 7 8 9; do ping -c 1 -W 0.3 10.9.0.2 && break; done'),
    /1 received/u,
  )
})
