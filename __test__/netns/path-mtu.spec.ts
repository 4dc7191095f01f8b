import {
  fragmentsMade,
  output,
  refusedPing,
  statsOf,
  transfer,
  withRouted,
} from '../support/routed.ts'
import { hasTools, rootTest as test } from '../support/skip.ts'
import type { Namespace } from '../support/namespace.ts'

const MIB = 1 << 20

for (const [family, inside, router] of [
  [4, 1_372, '192.0.2.254'],
  [6, 1_352, '2001:db8:1::fe'],
] as const) {
  test(`a path over IPv${family} that gets narrower is known inside, and nothing is fragmented outside`, async (t) => {
    if (!hasTools(t, 'ping', 'nstat', 'sysctl')) return
    const routed = await withRouted(t, family, '--json')
    const { near, far, nearInside, farInside, program, farProgram, narrow } = routed
    const ends: [Namespace, Namespace] = [nearInside, farInside]
    const outside = { outside: 1_500, inside: 1_500 - 1_400 + inside, source: 'start' }
    t.deepEqual<unknown, unknown>((await statsOf(program)).pathMtu, outside)
    await transfer(t, ends, '10.9.0.2', MIB)
    await narrow(1_400)
    await transfer(t, ends, '10.9.0.2', 32 * MIB)
    const reported = { outside: 1_400, inside, source: 'router', router }
    t.deepEqual<unknown, unknown>((await statsOf(program)).pathMtu, reported)
    t.regex(
      program.stdout,
      new RegExp(`"kind":"path-mtu".*1400 bytes, the router ${router} reports`, 'u'),
    )
    for (const address of ['10.9.0.2', 'fd09::2']) {
      t.regex(
        await refusedPing(nearInside, address),
        new RegExp(`mtu\\D*${inside}\\b`, 'u'),
        address,
      )
      const route = await nearInside.run('ip', 'route', 'get', address)
      t.regex(route, new RegExp(`mtu ${inside}\\b`, 'u'))
      await transfer(t, ends, address, 4 * MIB)
      await transfer(t, [farInside, nearInside], address.replace(/2$/u, '1'), 4 * MIB)
    }
    // The kernel inside forgets the MTU, so that the relay and not the kernel makes the fragments.
    await nearInside.run('ip', 'route', 'flush', 'cache')
    const mayBeFragmented = ['-c', '2', '-i', '0.2', '-W', '1', '-M', 'dont', '-s', '1400']
    const answers = await output(nearInside, 'ping', ...mayBeFragmented, '10.9.0.2')
    t.regex(answers, /1408 bytes from 10\.9\.0\.2/u)
    // The kernel of the far host refuses longer datagrams itself, since its own link is narrow.
    t.deepEqual<unknown, unknown>((await statsOf(farProgram)).pathMtu, {
      ...{ outside: 1_400, inside, source: 'route' },
    })
    t.true((await statsOf(program)).outbound.packetsFragmented > 0)
    t.deepEqual([await fragmentsMade(near), await fragmentsMade(far)], [0, 0])
  })
}

for (const family of [4, 6] as const) {
  test(`IPv${family} outside: a path that leaves less than 1280 bytes still carries IPv6, in fragments`, async (t) => {
    if (!hasTools(t, 'nstat', 'ping', 'sysctl')) return
    const routed = await withRouted(t, family, '--json')
    const { near, nearInside, farInside, program, narrow } = routed
    await narrow(1_300)
    // IPv4 has no minimum: its packets get smaller, and are not fragmented outside.
    await transfer(t, [nearInside, farInside], '10.9.0.2', 4 * MIB)
    t.is((await statsOf(program)).pathMtu?.outside, 1_300)
    t.is(await fragmentsMade(near), 0)
    t.regex(await refusedPing(nearInside, 'fd09::2'), /mtu\D*1280\b/u)
    // The clamp makes the segments of a new connection fit.
    await transfer(t, [nearInside, farInside], 'fd09::2', 4 * MIB)
    t.is(await fragmentsMade(near), 0)
    const least = ['ping', '-c', '3', '-i', '0.2', '-M', 'do', '-s', '1232', 'fd09::2']
    t.regex(await output(nearInside, ...least), /1240 bytes from fd09::2/u)
    t.true((await fragmentsMade(near)) > 0)
    await transfer(t, [nearInside, farInside], '10.9.0.2', 4 * MIB)
    t.is((await statsOf(program)).pathMtu?.inside, family === 4 ? 1_272 : 1_252)
  })
}

test('with --path-mtu off the datagrams are fragmented outside', async (t) => {
  if (!hasTools(t, 'nstat', 'sysctl')) return
  const { near, nearInside, farInside, narrow } = await withRouted(t, 4, '--path-mtu', 'off')
  await narrow(1_400)
  await near.run('ip', 'link', 'set', 'up0', 'mtu', '1400')
  await transfer(t, [nearInside, farInside], '10.9.0.2', MIB)
  t.true((await fragmentsMade(near)) > 0)
})
