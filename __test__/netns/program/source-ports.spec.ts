import type { ExecutionContext } from 'ava'
import { type Namespace, withNamespace } from '../../support/namespace.ts'
import { OPERANDS, start } from '../../support/netnsProgram.ts'
import { fragmentsMade, withRouted } from '../../support/routed.ts'
import { hasTools, rootTest as test } from '../../support/skip.ts'
import { Traffic } from '../../support/traffic.ts'

const MIB = 1 << 20

/** Returns the ports that UDP sockets of a namespace are bound to, each once. */
async function udpPorts(namespace: Namespace): Promise<Set<string>> {
  const text = await namespace.run('cat', '/proc/net/udp', '/proc/net/udp6')
  return new Set(
    [...text.matchAll(/^ *\d+: [\dA-F]+:([\dA-F]{4}) /gmu)].map(([, port = '']) => port),
  )
}

/** Sends bytes over several TCP connections at a time; all must arrive unchanged. */
async function transfer(
  t: ExecutionContext,
  [near, far]: [Namespace, Namespace],
  address: string,
): Promise<void> {
  const one = async () => {
    const sink = new Traffic(t, far, 'tcpSink', address)
    const source = new Traffic(t, near, 'tcpSource', address, await sink.port(), String(2 * MIB))
    t.deepEqual(await sink.next(), await source.next())
    await source.end()
  }
  await Promise.all(Array.from({ length: 4 }, one))
}

for (const [family, inside] of [
  [4, 1_372],
  [6, 1_352],
] as const) {
  test(`several ports and queues over a router, IPv${family}: a narrower path is known on all ports, also after --user`, async (t) => {
    if (!hasTools(t, 'nstat', 'sysctl')) return
    const options = ['--source-ports', '4', '--queues', '2', '--user', 'nobody']
    const { near, nearInside, farInside, program, narrow } = await withRouted(t, family, ...options)
    t.regex(program.stdout, /^ready: \S+ .*, 4 source ports\n$/u)
    const ports = await udpPorts(near)
    t.is(ports.size, 4)
    t.true(ports.has((5001).toString(16).toUpperCase()))
    const ends: [Namespace, Namespace] = [nearInside, farInside]
    await transfer(t, ends, '10.9.0.2')
    await narrow(1_400)
    await transfer(t, ends, '10.9.0.2')
    const route = await nearInside.run('ip', 'route', 'get', '10.9.0.2')
    t.regex(route, new RegExp(`mtu ${inside}\\b`, 'u'))
    const before = await fragmentsMade(near)
    await transfer(t, ends, 'fd09::2')
    t.is(await fragmentsMade(near), before)
    t.is((await program.end()).status, 0)
    t.is((await udpPorts(near)).size, 0)
  })
}

test('--source-ports auto is the number of queues, and one on loopback', async (t) => {
  const namespace = await withNamespace(t)
  for (const [peer, queues, expected] of [
    ['192.0.2.1', '3', 3],
    ['192.0.2.1', '1', 1],
    ['127.0.0.1', '3', 1],
  ] as const) {
    const options = ['--peer', peer, '--queues', queues, '--source-ports', 'auto', '--json']
    const program = start(t, namespace, [...OPERANDS, ...options])
    await program.until('stdout', /\n/u)
    t.like(JSON.parse(program.stdout.split('\n', 1)[0] ?? ''), {
      event: 'ready',
      queues: Number(queues),
      sourcePorts: expected,
    })
    await program.end()
  }
})

test('the kernel chooses different ports for relays at the same time', async (t) => {
  const namespace = await withNamespace(t)
  const programs = Array.from({ length: 3 }, (_, number) =>
    start(t, namespace, [
      `10.9.${String(number)}.1/24`,
      ...OPERANDS.slice(1),
      ...['--peer', '192.0.2.1', '--source-ports', '8'],
    ]),
  )
  await Promise.all(programs.map((program) => program.until('stdout', /8 source ports\n/u)))
  t.is((await udpPorts(namespace)).size, 24)
  await Promise.all(programs.map((program) => program.end()))
  t.is((await udpPorts(namespace)).size, 0)
})
