import { withNamespace } from '../support/namespace.ts'
import { startProgram } from '../support/program.ts'
import { fragmentsMade } from '../support/routed.ts'
import { hasTools, rootTest as test } from '../support/skip.ts'
import { Traffic } from '../support/traffic.ts'

for (const [family, near, far] of [
  [4, '192.0.2.1', '192.0.2.2'],
  [6, '2001:db8::1', '2001:db8::2'],
] as const) {
  test(`IPv6 inside a path over IPv${family} that is too narrow for it arrives, in fragments outside`, async (t) => {
    if (!hasTools(t, 'ping', 'nstat')) return
    const [one, other] = [await withNamespace(t), await withNamespace(t)]
    const peer = ['peer', 'name', 'up0', 'netns', other.name]
    await one.run('ip', 'link', 'add', 'up0', 'type', 'veth', ...peer)
    for (const [namespace, address] of [
      [one, near],
      [other, far],
    ] as const) {
      const prefix = family === 4 ? ['24'] : ['64', 'nodad']
      const [length = '', ...flags] = prefix
      await namespace.run('ip', 'link', 'set', 'up0', 'mtu', '1300', 'up')
      await namespace.run('ip', 'address', 'add', `${address}/${length}`, 'dev', 'up0', ...flags)
    }
    const start = async (namespace: typeof one, address: string, other: string) => {
      const inside = await withNamespace(t)
      const args = [address, '5001', '5001', '--peer', other, '--netns', inside.name]
      const program = startProgram(args, { netns: namespace.name })
      t.teardown(() => program.end())
      await program.until('stdout', /ready: .* mtu 1280,/u)
      await program.until('stderr', /less than the 1280 that IPv6 needs.*are fragmented/u)
      return inside
    }
    const inside = await start(one, 'fd09::1/64', far)
    const farInside = await start(other, 'fd09::2/64', near)
    t.is(await fragmentsMade(one), 0)
    const ping = ['ping', '-c', '3', '-i', '0.2', '-W', '5', '-M', 'do']
    // The longest packet: 1,280 bytes.
    t.regex(await inside.run(...ping, '-s', '1232', 'fd09::2'), / 0% packet loss/u)
    t.true((await fragmentsMade(one)) >= 6)
    const before = await fragmentsMade(one)
    t.regex(await inside.run(...ping, '-s', '1000', 'fd09::2'), / 0% packet loss/u)
    t.is(await fragmentsMade(one), before)
    // The segments of TCP are short enough.
    const sink = new Traffic(t, farInside, 'tcpSink', 'fd09::2')
    const source = new Traffic(t, inside, 'tcpSource', 'fd09::2', await sink.port(), '1000000')
    t.deepEqual(await sink.next(), await source.next())
    await source.end()
    t.is(await fragmentsMade(one), before)
  })
}
