import { withNamespace } from '../../support/namespace.ts'
import { start } from '../../support/netnsProgram.ts'
import { hasTools, rootTest as test } from '../../support/skip.ts'

/** Options, with the DSCP, the ECN and the mark of the datagram for a packet with DSCP 46 and ECT(1). */
const cases: readonly (readonly [string[], { dscp: number; ecn: number; mark: number }])[] = [
  [[], { dscp: 0, ecn: 1, mark: 0 }],
  [['--dscp', '10'], { dscp: 10, ecn: 1, mark: 0 }],
  [['--dscp', 'inherit'], { dscp: 46, ecn: 1, mark: 0 }],
  [['--dscp', 'inherit', '--ecn', 'off'], { dscp: 46, ecn: 0, mark: 0 }],
  [['--ecn', 'off', '--fwmark', '0xca6c'], { dscp: 0, ecn: 0, mark: 51_820 }],
  [['--dscp', '63', '--fwmark', '4294967295'], { dscp: 63, ecn: 1, mark: 4_294_967_295 }],
]

for (const [options, { dscp, ecn, mark }] of cases) {
  const expected = `DSCP ${String(dscp)}, ECN ${String(ecn)} and mark ${String(mark)}`
  test(`datagrams have ${expected} with ${options.join(' ') || 'no option'}`, async (t) => {
    if (!hasTools(t, 'nft', 'ping')) return
    const namespace = await withNamespace(t)
    for (const command of [
      'link add up0 type veth peer name up1',
      'link set up1 up',
      'link set up0 up',
      'address add 192.0.2.1/24 dev up0',
      'neigh add 192.0.2.2 lladdr 02:00:00:00:00:02 dev up0',
    ]) {
      await namespace.run('ip', ...command.split(' '))
    }
    const rule = `udp dport 5001 ip dscp ${String(dscp)} ip ecn ${String(ecn)} meta mark ${String(mark)}`
    await namespace.run(
      'nft',
      `add table ip t; add chain ip t out { type filter hook output priority 0; }; add rule ip t out ${rule} counter; add rule ip t out udp dport 5001 counter`,
    )
    const operands = ['10.9.0.1/24', '5001', '0', '--peer', '192.0.2.2']
    const program = start(t, namespace, [...operands, ...options])
    await program.until('stdout', /^ready: /u)
    await namespace.run('sh', '-c', 'ping -c 1 -W 1 -Q 0xb9 10.9.0.2 || true')
    const counts = [
      ...(await namespace.run('nft', 'list', 'table', 'ip', 't')).matchAll(/packets (\d+)/gu),
    ]
    t.deepEqual(
      counts.map(([, packets]) => packets),
      ['1', '1'],
    )
    t.is((await program.end()).status, 0)
  })
}
