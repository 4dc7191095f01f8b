import { Machine } from '../support/docs/machine.ts'
import { pageTest } from '../support/docs/page.ts'

pageTest('docs/devices.md', async (t, page) => {
  page.typed()
  page.typed()
  const a = await Machine.start(t, 'a')
  const program = page.next('js').replace('dropped++', "console.log('dropped', ++dropped)")
  await a.save(program)
  const running = await a.leave('node write.mjs', /^ready$/mu)
  // One malformed byte in each direction, twice: the program continues.
  for (const count of [1, 2]) {
    await a.shell('printf x > /dev/udp/127.0.0.1/5002; printf x > /dev/udp/127.0.0.1/5003')
    await running.until('stdout', new RegExp(`^dropped ${count}$`, 'mu'))
    await running.until('stderr', new RegExp(`(?:^write a packet to vpn0: .*\\n){${count}}`, 'mu'))
  }
  t.regex(await a.shell('ip -br link show dev vpn0'), /^vpn0 /u)
  page.typed()
})
