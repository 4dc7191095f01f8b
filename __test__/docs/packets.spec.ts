import { Machine } from '../support/docs/machine.ts'
import { pageTest } from '../support/docs/page.ts'
import { hasTools } from '../support/skip.ts'

pageTest('docs/packets.md', async (t, page) => {
  if (!hasTools(t, 'socat')) {
    page.skip()
    return
  }
  const a = await Machine.start(t, 'a')
  await a.save(page.next('js'))
  a.start(['node', 'echo.mjs'])
  await a.shell('until ip route get 10.0.0.2 | grep -q tun0; do sleep 0.01; done')
  // The ports are not exchanged, so it replies to the port of the echo service itself.
  t.is(await a.shell('printf hello | timeout 5 socat -t 1 - UDP:10.0.0.2:7,sourceport=7'), 'hello')
  page.typed()
  await a.save(page.next('js'))
  t.is(await a.shell('node hello.mjs'), 'hello from 10.0.1.2\n')
})
