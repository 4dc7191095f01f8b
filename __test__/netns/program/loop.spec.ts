import { start } from '../../support/netnsProgram.ts'
import { withNamespace } from '../../support/namespace.ts'
import { hasTools, rootTest as test } from '../../support/skip.ts'

test('a route into the tunnel is reported at its start and at its end, and counted', async (t) => {
  if (!hasTools(t, 'ping')) return
  const host = await withNamespace(t)
  for (const command of [
    'link add va type veth peer name vb',
    'link set vb up',
    'link set va up',
    'address add 192.0.2.1/24 dev va',
    'neighbor add 192.0.2.254 lladdr 02:00:00:00:00:02 nud permanent dev va',
    'route add default via 192.0.2.254',
  ]) {
    await host.run('ip', ...command.split(' '))
  }
  const program = start(t, host, [
    ...['10.9.0.1/24', '5001', '5002', '--name', 'vpn0', '--peer', '203.0.113.1'],
  ])
  await program.until('stdout', /^ready: /u)
  const ping = 'ping -q -c 5 -i 0.01 -W 0.1 10.9.0.2 || true'
  await host.run('sh', '-c', ping)
  await host.run('ip', 'route', 'add', '203.0.113.1', 'dev', 'vpn0')
  await host.run('sh', '-c', ping)
  await program.until(
    'stderr',
    /a route leads the datagrams to 203\.0\.113\.1:5001 into the tunnel/u,
  )
  await host.run('ip', 'route', 'delete', '203.0.113.1', 'dev', 'vpn0')
  await program.until('stderr', /the datagrams to 203\.0\.113\.1:5001 do not come back any more/u)
  await host.run('sh', '-c', ping)
  const { status, stderr } = await program.end()
  t.is(status, 0)
  t.regex(stderr, /out 20 \([^)]*\), sent 15 \([^)]*\), dropped 5 \(looped 5\)/u)
})
