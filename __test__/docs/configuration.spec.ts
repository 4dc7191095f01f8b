import { readFileSync } from 'node:fs'
import { parseConfig } from '../../bin/tun2udp/config/config.ts'
import { end } from '../support/docs/machine.ts'
import { pageTest, twoMachines } from '../support/docs/page.ts'
import { ROOT } from '../support/docs/root.ts'
import { hasTools } from '../support/skip.ts'

pageTest('docs/configuration.md', async (t, page) => {
  if (!hasTools(t, 'ping')) {
    page.skip()
    return
  }
  const { a, b } = await twoMachines(t)
  const hub = page.next('sh')
  await a.shell(hub)
  const running = await a.leave(page.next('sh').trim(), /^ready: hub0 10\.9\.0\.1\/24/mu)
  await b.write('spoke.jsonc', page.next('jsonc'))
  await b.leave('tun2udp --config spoke.jsonc', /^ready: tun0 10\.9\.0\.2\/24/mu)
  await a.shell('for n in 1 2 3 4 5; do ping -c 1 -W 1 10.9.0.2 && exit; done; exit 1')
  t.regex(await a.shell('ip route'), /^10\.20\.2\.0\/24 dev hub0/mu)
  end(running, 'SIGHUP')
  await running.until('stderr', /read \/etc\/tun2udp\/hub\.jsonc again: no change$/mu)

  const expected = page.next('text').trim()
  const file = '/etc/tun2udp/hub.jsonc'
  await a.shell(`sed -i 's,10.9.0.3/32,10.9.0.3/24,' ${file}`)
  const failed = await a.start(['tun2udp', '--config', file]).ended
  t.deepEqual([failed.status, failed.stderr.trim()], [2, expected])

  const named = JSON.parse(page.next('json')) as { $schema: string }
  const path = named.$schema.replace('/usr/local/lib/node_modules/tun2udp/', ROOT)
  t.like(JSON.parse(readFileSync(path, 'utf8')), { title: 'Configuration file of tun2udp' })
  const other = Buffer.from(
    JSON.stringify({ ...named, addresses: ['10.9.0.1'], sendPort: 1, receivePort: 1 }),
  )
  t.deepEqual(parseConfig('x', other).options.addresses, ['10.9.0.1'])
})
