import { setTimeout as sleep } from 'node:timers/promises'
import { fragmentsMade, withRouted } from '../support/routed.ts'
import { hasTools, rootTest as test } from '../support/skip.ts'
import { Traffic } from '../support/traffic.ts'
import type { Namespace } from '../support/namespace.ts'
import type { ExecutionContext } from 'ava'

const MIB = 1 << 20

/** Sends bytes over TCP; returns whether they arrived within the time. */
async function transfers(
  t: ExecutionContext,
  [near, far]: [Namespace, Namespace],
  address: string,
  { bytes, seconds }: { bytes: number; seconds: number },
): Promise<boolean> {
  const sink = new Traffic(t, far, 'tcpSink', address)
  const source = new Traffic(t, near, 'tcpSource', address, await sink.port(), String(bytes))
  const arrived = async () => {
    const sent = await source.next()
    t.deepEqual(await sink.next(), sent)
    return sent.bytes === bytes
  }
  const result = await Promise.race([arrived(), sleep(seconds * 1_000, false)])
  await source.end()
  return result
}

/** Returns the output of a command on both streams, regardless of its status. */
async function output(namespace: Namespace, ...command: string[]): Promise<string> {
  return namespace.run('sh', '-c', '"$@" 2>&1 || true', 'sh', ...command)
}

for (const [family, inside] of [
  [4, 1_372],
  [6, 1_352],
] as const) {
  test(`a path over IPv${family} that gets narrower is known inside, and nothing is fragmented outside`, async (t) => {
    if (!hasTools(t, 'ping', 'nstat', 'sysctl')) return
    const { near, nearInside, farInside, narrow } = await withRouted(t, family)
    const ends: [Namespace, Namespace] = [nearInside, farInside]
    t.true(await transfers(t, ends, '10.9.0.2', { bytes: MIB, seconds: 10 }))
    await narrow(1_400)
    t.true(await transfers(t, ends, '10.9.0.2', { bytes: 32 * MIB, seconds: 10 }))
    for (const address of ['10.9.0.2', 'fd09::2']) {
      const tooLong = ['ping', '-c', '1', '-W', '1', '-M', 'do', '-s', '1400', address]
      t.regex(await output(nearInside, ...tooLong), new RegExp(`mtu.*${inside}`, 'u'), address)
      const route = await nearInside.run('ip', 'route', 'get', address)
      t.regex(route, new RegExp(`mtu ${inside}\\b`, 'u'))
      t.true(await transfers(t, ends, address, { bytes: 4 * MIB, seconds: 10 }), address)
    }
    const fragmented = [
      'ping',
      '-c',
      '2',
      '-i',
      '0.2',
      '-W',
      '1',
      '-M',
      'dont',
      '-s',
      '1400',
      '10.9.0.2',
    ]
    t.regex(await output(nearInside, ...fragmented), /1408 bytes from 10\.9\.0\.2/u)
    t.is(await fragmentsMade(near), 0)
  })
}

test('with --path-mtu off the datagrams are fragmented outside', async (t) => {
  if (!hasTools(t, 'nstat', 'sysctl')) return
  const { near, nearInside, farInside, narrow } = await withRouted(t, 4, '--path-mtu', 'off')
  await narrow(1_400)
  await near.run('ip', 'link', 'set', 'up0', 'mtu', '1400')
  t.true(await transfers(t, [nearInside, farInside], '10.9.0.2', { bytes: MIB, seconds: 10 }))
  t.true((await fragmentsMade(near)) > 0)
})

for (const [option, arrives] of [
  ['1300', true],
  ['off', false],
] as const) {
  test(`where ICMP is dropped, a transfer with --mss-clamp ${option} ${arrives ? 'arrives' : 'hangs'}`, async (t) => {
    if (!hasTools(t, 'nft', 'sysctl')) return
    const options = ['--mss-clamp', option]
    const { router, nearInside, farInside, narrow } = await withRouted(t, 4, ...options)
    await router.run(
      'nft',
      'add table ip quiet; add chain ip quiet out { type filter hook output priority 0; }; add rule ip quiet out icmp type destination-unreachable drop',
    )
    await narrow(1_400)
    const size = { bytes: 10 * MIB, seconds: arrives ? 12 : 4 }
    t.is(await transfers(t, [nearInside, farInside], '10.9.0.2', size), arrives)
  })
}
