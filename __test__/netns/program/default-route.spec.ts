import type { ExecutionContext } from 'ava'
import { openTun } from '../../../index.ts'
import { type Namespace, withNamespace } from '../../support/namespace.ts'
import { links, start } from '../../support/netnsProgram.ts'
import { runProgram } from '../../support/program.ts'
import { rootTest as test } from '../../support/skip.ts'

/**
 * A host on a network with a default route, a peer on that network (192.0.2.2), and one behind its router
 * (203.0.113.1).
 */
async function withHost(t: ExecutionContext): Promise<Namespace> {
  const host = await withNamespace(t)
  for (const command of [
    'link add va type veth peer name vb',
    'link set vb up',
    'link set va up',
    'address add 192.0.2.1/24 dev va',
    'address add 2001:db8::1/64 dev va nodad',
    'route add default via 192.0.2.254',
    '-6 route add default via 2001:db8::fe',
  ]) {
    await host.run('ip', ...command.split(' '))
  }
  return host
}

const routes = async (host: Namespace) =>
  `${await host.run('ip', 'route')}${await host.run('ip', '-6', 'route')}`
const way = async (host: Namespace, address: string) =>
  /dev (\S+)/u.exec(await host.run('ip', 'route', 'get', address))?.[1]
const relay = ['--name', 'vpn0', '--address', 'fd09::1/64', '--peer', '192.0.2.2']

const forms: [string[], { v4: boolean; v6: boolean }][] = [
  [['--route', 'default'], { v4: true, v6: true }],
  [['--route', '0.0.0.0/0'], { v4: true, v6: false }],
  [['--route', '::/0'], { v4: false, v6: true }],
  [['--route', '0.0.0.0/0', '--route', '::/0', '--route', '0.0.0.0/1'], { v4: true, v6: true }],
]

for (const [options, { v4, v6 }] of forms) {
  test(`${options.join(' ')} takes everything but the peer, and gives it back`, async (t) => {
    const host = await withHost(t)
    const before = await routes(host)
    const program = start(t, host, ['10.9.0.1/24', '5001', '0', ...relay, ...options])
    await program.until('stdout', /^ready: /u)
    const inside = async (address: string) => (await way(host, address)) === 'vpn0'
    for (const address of ['1.1.1.1', '203.0.113.1']) t.is(await inside(address), v4, address)
    for (const address of ['2606::1', 'fd77::1']) t.is(await inside(address), v6, address)
    t.is(await way(host, '192.0.2.2'), 'va')
    t.is((await program.end()).status, 0)
    t.is(await routes(host), before)
  })
}

test('a peer behind the default route needs a route of its own, and the advice is true', async (t) => {
  const host = await withHost(t)
  const args = ['10.9.0.1/24', '5001', '0', '--name', 'vpn0', '--peer', '203.0.113.1']
  const before = await links(host)
  for (const route of ['default', '0.0.0.0/0', '128.0.0.0/1']) {
    const run = async () => runProgram([...args, '--route', route], { netns: host.name })
    const { status, stderr } = await run()
    t.is(status, 1)
    t.regex(stderr, /into the tunnel; [^\n]*give the peer a longer route of its own/u)
    t.deepEqual(await links(host), before)
  }
  await host.run('ip', 'route', 'add', '203.0.113.1', 'via', '192.0.2.254')
  const program = start(t, host, [...args, '--route', 'default'])
  await program.until('stdout', /^ready: /u)
  t.is(await way(host, '203.0.113.1'), 'va')
  t.is(await way(host, '203.0.113.2'), 'vpn0')
  t.is((await program.end()).status, 0)
})

test('default stands for the families of the addresses', async (t) => {
  const host = await withHost(t)
  const before = await routes(host)
  const program = start(t, host, [
    '10.9.0.1/24',
    '5001',
    '0',
    '--name',
    'vpn0',
    '--route',
    'default',
  ])
  await program.until('stdout', /^ready: /u)
  t.is(await way(host, '1.1.1.1'), 'vpn0')
  t.is(await way(host, '2606::1'), 'va')
  t.is((await program.end()).status, 0)
  t.is(await routes(host), before)
})

test('an interface that was there before loses only the routes that were added', async (t) => {
  const host = await withHost(t)
  for (const command of [
    'tuntap add dev old0 mode tun',
    'address add 10.8.0.1/24 dev old0',
    'link set old0 up',
    'route add 128.0.0.0/1 dev old0',
  ]) {
    await host.run('ip', ...command.split(' '))
  }
  const ofIt = async () => (await host.run('ip', '-4', 'route', 'show', 'dev', 'old0')).split('\n')
  const before = (await ofIt()).map((line) => line.replace(' linkdown', ''))
  const options = ['--name', 'old0', '--peer', '192.0.2.2', '--route', 'default']
  const program = start(t, host, ['10.9.0.1/24', '5001', '0', ...options])
  await program.until('stdout', /^ready: /u)
  t.is(await way(host, '1.1.1.1'), 'old0')
  t.is((await program.end()).status, 0)
  t.deepEqual(
    (await ofIt()).map((line) => line.replace(' linkdown', '')),
    before,
  )
})

test('a device in JavaScript takes default routes in the same way', async (t) => {
  const host = await withHost(t)
  const options = { netns: host.name, name: 'tun7' }
  const tun = await openTun({ ...options, addresses: ['fd09::1/64'], routes: ['default'] })
  t.teardown(() => tun.close())
  t.is(await way(host, '2606::1'), 'tun7')
  t.is(await way(host, '1.1.1.1'), 'va')
  const error = await t.throwsAsync(openTun({ ...options, name: 'tun8', routes: ['default'] }))
  t.regex(
    error.message,
    /^Invalid route "default": expected an address[^;]*; add an address, or write /u,
  )
})
