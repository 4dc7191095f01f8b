import { readdirSync, readlinkSync } from 'node:fs'
import { once } from 'node:events'
import { text } from 'node:stream/consumers'
import type { ExecutionContext } from 'ava'
import { TestNetwork, type TestNetworkOptions, type TunError, testNetwork } from '../../../index.ts'
import { hasTools, rootTest as test } from '../../support/skip.ts'

async function build<const H extends string>(
  t: ExecutionContext,
  options: TestNetworkOptions<H>,
): Promise<TestNetwork<H>> {
  const network = await testNetwork(options)
  t.teardown(() => network.close())
  return network
}

const ROUTED = {
  hosts: {
    a: { gateway: ['10.0.1.1', 'fd00:1::1'] },
    r: { router: true },
    b: {
      gateway: ['10.0.2.1', 'fd00:2::1'],
      routes: [{ destination: '10.9.0.0/16', link: 'eth0' }],
    },
  },
  links: [
    { ends: { a: ['10.0.1.2/24', 'fd00:1::2/64'], r: ['10.0.1.1/24', 'fd00:1::1/64'] } },
    { ends: { r: ['10.0.2.1/24', 'fd00:2::1/64'], b: ['10.0.2.2/24', 'fd00:2::2/64'] }, mtu: 1400 },
  ],
} as const

test('a router forwards both IP versions, at once and with the MTU of the link', async (t) => {
  if (!hasTools(t, 'ping')) return
  const { hosts } = await build(t, ROUTED)
  for (const address of ['10.0.2.2', 'fd00:2::2']) {
    const { stdout } = await hosts.a.run('ping', ['-nc', '1', '-W', '2', address])
    t.regex(stdout, / 1 received/u)
    // One hop further, and too long for the second link.
    t.regex(stdout, /ttl=63 /u)
    const long = hosts.a.run('ping', ['-nc', '1', '-W', '1', '-M', 'do', '-s', '1400', address])
    const error = await t.throwsAsync<Error & { stdout: string }>(long)
    t.regex(error.stdout, /mtu[ =]+1400|Packet too big/iu)
  }
  const routes = await hosts.b.run('ip', ['route', 'show', '10.9.0.0/16'])
  t.regex(routes.stdout, /dev eth0/u)
  t.is(hosts.r.name, 'r')
})

test('a switch joins any number of hosts, which have names and MAC addresses', async (t) => {
  const network = await build(t, {
    hosts: { a: {}, b: {}, c: {} },
    links: [
      {
        ends: {
          a: { addresses: ['10.0.0.1/24'], name: 'lan0', macAddress: '02:00:00:00:00:0A' },
          b: '10.0.0.2/24',
          c: '10.0.0.3/24',
        },
      },
      { ends: { a: [], b: [] }, switch: true, mtu: 9000 },
    ],
  })
  const { a, b, c } = network.hosts
  const server = a.listen({ host: '10.0.0.1' }, (socket) =>
    socket.end(String(socket.remoteAddress)),
  )
  const { port } = server.address()
  for (const [host, address] of [
    [b, '10.0.0.2'],
    [c, '10.0.0.3'],
  ] as const)
    t.is(await text(host.connect({ host: '10.0.0.1', port })), address)
  const links = JSON.parse((await a.run('ip', ['-j', 'link'])).stdout) as Record<string, unknown>[]
  t.like(links[1], { ifname: 'lan0', address: '02:00:00:00:00:0a', mtu: 1500, operstate: 'UP' })
  t.like(links[2], { ifname: 'eth1', mtu: 9000, operstate: 'UP' })
})

test('closing ends all that the hosts created, and leaves nothing', async (t) => {
  const network = await testNetwork(ROUTED)
  const { a, b } = network.hosts
  const child = b.spawn('sleep', ['99'], { stdio: 'ignore' })
  const output = b.run('sleep', ['99'])
  const ns = readlinkSync(`/proc/${child.pid}/ns/net`)
  const accepted: boolean[] = []
  const server = b.listen({ host: '10.0.2.2' }, (socket) => {
    socket.resume().on('close', () => accepted.push(true))
  })
  const client = a.connect({ host: '10.0.2.2', port: server.address().port })
  client.on('error', () => undefined)
  await Promise.all([once(client, 'connect'), once(server, 'connection')])
  const udp = a.createSocket('udp4').bind(0)
  await once(udp, 'listening')
  const tun = await a.openTun()
  const netlink = await a.openNetlink()
  const relay = await a.startRelay({ addresses: ['10.8.0.1/24'], sendPort: 9, receivePort: 0 })
  const ends = [once(server, 'close'), once(client, 'close'), once(udp, 'close')]
  const killed = t.throwsAsync(output, { message: /Command failed/u })
  await network.close()
  await network.close()
  await Promise.all([...ends, killed, network.closed, tun.closed, netlink.closed, relay.closed])
  t.true(network.isClosed && a.isClosed && b.isClosed && tun.isClosed && relay.isClosed)
  t.is(child.signalCode, 'SIGKILL')
  t.is(accepted.length, 1)
  t.false(processesIn(ns))
  t.throws(() => a.spawn('true'), { code: 'ERR_TUN_CLOSED' })
})

/** Returns whether a process is in that namespace. */
function processesIn(ns: string): boolean {
  return readdirSync('/proc').some((entry) => {
    try {
      return readlinkSync(`/proc/${entry}/ns/net`) === ns
    } catch {
      return false
    }
  })
}

test('a network that cannot be built, or is not wanted any more, leaves no namespace open', async (t) => {
  // Other tests of this file open and close namespaces at the same time, so a separate process checks.
  const { hosts } = await build(t, { hosts: { a: {} } })
  const script = `
    import { readdirSync, readlinkSync } from 'node:fs'
    const { testNetwork } = await import(${JSON.stringify(new URL('../../../dist/index.js', import.meta.url).href)})
    const open = () => readdirSync('/proc/self/fd').filter((fd) => {
      try { return readlinkSync('/proc/self/fd/' + fd).startsWith('net:[') } catch { return false }
    }).length
    const links = [{ ends: { a: '10.0.0.1/24', b: '10.0.0.2/24' } }]
    const codes = []
    const fail = async (options) => {
      const error = await testNetwork(options).then(() => new Error('built'), (error) => error)
      codes.push(error.code ?? error.message, open())
    }
    await fail({ hosts: { a: { gateway: '192.0.2.1' }, b: {} }, links })
    await fail({ hosts: { a: {}, b: {} }, links: [{ ends: { a: ['10.0.0.1', '10.0.0.1'], b: [] } }] })
    const controller = new AbortController()
    const aborted = fail({ hosts: { a: {}, b: {} }, links, signal: controller.signal })
    setImmediate(() => controller.abort(new Error('enough')))
    await aborted
    const later = new AbortController()
    const network = await testNetwork({ hosts: { a: {} }, signal: later.signal })
    codes.push(open())
    later.abort()
    await network.closed
    codes.push(open())
    console.log(JSON.stringify(codes))`
  const { stdout } = await hosts.a.run(process.execPath, ['--input-type=module', '-e', script])
  const codes = JSON.parse(stdout) as unknown[]
  t.deepEqual(codes, ['ERR_TUN_UNREACHABLE', 0, 'ERR_TUN_EXISTS', 0, 'enough', 0, 1, 0])
})

const HOSTS = { a: {}, b: {} }
const REFUSED: readonly [options: unknown, message: RegExp][] = [
  [null, /^Invalid options null/u],
  [{}, /^Invalid hosts undefined: expected an object with a property per host$/u],
  [{ hosts: {} }, /^Invalid hosts 0: expected 1 to 256 hosts$/u],
  [{ hosts: [] }, /^Invalid hosts array/u],
  [{ hosts: { 'a b': {} } }, /^Invalid name of a host "a b"/u],
  [
    { hosts: { a: { rooter: true } } },
    /^Invalid property of a "rooter": .*did you mean router\?$/u,
  ],
  [{ hosts: { a: { gateway: 'x' } } }, /^Invalid gateway "x": expected an IP address$/u],
  [{ hosts: HOSTS, link: [] }, /did you mean links\?$/u],
  [{ hosts: HOSTS, links: [{}] }, /^Invalid ends undefined/u],
  [{ hosts: HOSTS, links: [{ ends: { a: [] } }] }, /^Invalid ends 1: expected 2 to 256 hosts$/u],
  [{ hosts: HOSTS, links: [{ ends: { a: [], c: [] } }] }, /^Invalid end "c": .* hosts a, b$/u],
  [{ hosts: HOSTS, links: [{ ends: { a: 'x', b: [] } }] }, /^Invalid address "x"/u],
  [{ hosts: HOSTS, links: [{ ends: { a: { mac: 1 }, b: [] } }] }, /^Invalid property of a "mac"/u],
  [{ hosts: HOSTS, links: [{ ends: { a: { name: 'lo' }, b: [] } }] }, /^Invalid name "lo"/u],
  [{ hosts: HOSTS, links: [{ ends: { a: { name: 'x%d' }, b: [] } }] }, /^Invalid name "x%d"/u],
  [{ hosts: HOSTS, links: [{ ends: { a: [], b: [] }, mtu: 1 }] }, /^Invalid MTU 1/u],
  [
    { hosts: { ...HOSTS, c: {} }, links: [{ ends: { a: [], b: [], c: [] }, switch: false }] },
    /^Invalid switch false: expected true, because a cable has two ends$/u,
  ],
]

test('wrong descriptions are refused by name', async (t) => {
  for (const [options, message] of REFUSED)
    await t.throwsAsync<TunError>(testNetwork(options as never), { name: 'TunError', message })
  const signal = AbortSignal.abort(new Error('before'))
  await t.throwsAsync(testNetwork({ hosts: HOSTS, signal }), { message: 'before' })
  t.throws(() => new (TestNetwork as never as new () => unknown)(), {
    message: 'Invalid call of new TestNetwork(): call testNetwork() instead',
  })
})
