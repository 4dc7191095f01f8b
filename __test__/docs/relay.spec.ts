import { Machine } from '../support/docs/machine.ts'
import { pageTest } from '../support/docs/page.ts'

pageTest('docs/relay.md', async (t, page) => {
  const a = await Machine.start(t, 'a')
  const relay = page.next('js')
  await a.save(relay)
  await a.leave('node relay.mjs', /^ready: tun0$/mu)
  t.regex(await a.shell('ip -br addr show dev tun0'), /10\.9\.0\.1\/24/u)

  page.typed()

  const idle = relay.replace('5002', '5004').replace('10.9.0.1', '10.9.2.1')
  const later = `setTimeout(() => {
    ${page.next('js')}
    process.kill(process.pid, 'SIGTERM')
  }, 3500)\n`
  await a.shell(`cat >diagnosed.mjs <<'END'\n${later}${idle}\nEND`)
  t.regex(await a.shell('node diagnosed.mjs'), /^No datagram has come from the peer 127/mu)

  // The diagnostics belong to a process: to that of the program above, which a signal ends.
  const watched = `${page.next('ts')}\nsetTimeout(() => process.kill(process.pid, 'SIGTERM'), 300)\n`
  await a.typescript(
    'watched.mjs',
    watched + relay.replace('5002', '5003').replace('10.9.0.1', '10.9.1.1'),
  )
  const output = await a.shell('NODE_DEBUG=tun2udp node watched.mjs 2>&1')
  t.regex(output, /^opened tun1\n[^]*^ready: tun1\n[^]*^closed tun1\n[^]*^sent: 0$/mu)
  t.regex(output, /^TUN2UDP \d+: relay tun1 opened$/mu)
  t.regex(output, /^TUN2UDP \d+: relay tun1 closed$/mu)
})
