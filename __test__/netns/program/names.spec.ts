import type { ExecutionContext } from 'ava'
import { type NameServer, withNameServer } from '../../support/dns/nameServer.ts'
import { type Receivers, withReceivers } from '../../support/dns/receivers.ts'
import { withNamespace } from '../../support/namespace.ts'
import { type Running, startProgram } from '../../support/program.ts'
import { rootTest as test } from '../../support/skip.ts'

const NAME = 'b.example'
const [FIRST, SECOND, THIRD] = ['192.0.2.2', '192.0.2.3', '192.0.2.4'] as const
const V6 = '2001:db8::2'
/** Less than the shortest time between two look-ups. */
const ttl = 0

interface Setting {
  server: NameServer
  receivers: Receivers
  program: Running
}

/** Starts the program whose peer has the first address. */
async function withTunnel(t: ExecutionContext, ...options: string[]): Promise<Setting> {
  const namespace = await withNamespace(t)
  const server = await withNameServer(t, namespace)
  const receivers = await withReceivers(t, namespace, [FIRST, SECOND, THIRD, V6])
  server.set(NAME, { address: FIRST, ttl })
  const operands = ['10.9.0.1/24', String(receivers.port), '0', '--peer', NAME]
  const netns = namespace.name
  const program = startProgram([...operands, ...options], { netns, timeoutMs: 100_000 })
  t.teardown(async () => {
    await program.end('SIGKILL')
  })
  await program.until('stdout', /ready/u)
  await receivers.untilAt(FIRST)
  return { server, receivers, program }
}

/** Waits for a number of further look-ups. */
async function lookUps(server: NameServer, count: number): Promise<void> {
  // Each asks for the time to live, and then for the address.
  const end = server.count(NAME) + 2 * count + 2
  while (server.count(NAME) < end) await new Promise((resolve) => setTimeout(resolve, 10))
}

const changed = (from: string, to: string) =>
  `tun2udp: the address of ${NAME} changed from ${from} to ${to}\n`

test('the tunnel follows the address of the name', async (t) => {
  const { server, receivers, program } = await withTunnel(t)
  server.set(NAME, { address: SECOND, ttl })
  await receivers.untilAt(SECOND)
  const before = receivers.count(FIRST)
  t.is(await receivers.destination(), SECOND)
  t.is(receivers.count(FIRST), before)
  await program.until('stderr', /changed/u)
  t.is(program.stderr, changed(FIRST, SECOND))
  t.is((await program.end()).status, 0)
})

test('the tunnel follows the name from IPv4 to IPv6 and back', async (t) => {
  const { server, receivers, program } = await withTunnel(t)
  server.set(NAME, { address: V6, ttl })
  await receivers.untilAt(V6)
  server.set(NAME, { address: SECOND, ttl })
  await receivers.untilAt(SECOND)
  await program.until('stderr', /changed[^]*changed/u)
  t.is(program.stderr, changed(FIRST, V6) + changed(V6, SECOND))
  t.is((await program.end()).status, 0)
})

test('-4: the name keeps its last IPv4 address if it has IPv6 addresses only', async (t) => {
  const { server, receivers, program } = await withTunnel(t, '-4')
  server.set(NAME, { address: V6, ttl })
  await program.until('stderr', /no IPv4 address is known for this name: datagrams still go to/u)
  t.is(await receivers.destination(), FIRST)
})

test('a name server that fails for IPv4 only does not move the tunnel to IPv6', async (t) => {
  const { server, receivers, program } = await withTunnel(t)
  server.set(NAME, { address: FIRST, ttl }, { address: V6, ttl })
  server.failing = ['A']
  await program.until(
    'stderr',
    /look up b\.example again: .*: datagrams still go to 192\.0\.2\.2\n/u,
  )
  t.is(await receivers.destination(), FIRST)
  t.is(receivers.count(V6), 0)
})

test('a record that vanishes, and name servers that hang, keep the last address', async (t) => {
  const { server, receivers, program } = await withTunnel(t)
  server.set(NAME)
  const failed = (reason: string) =>
    `tun2udp: look up ${NAME} again: ${reason}: datagrams still go to ${FIRST}\n`
  await program.until('stderr', /look up/u)
  t.is(program.stderr, failed('no address is known for this name'))
  t.is(await receivers.destination(), FIRST)
  server.mode = 'hang'
  const queries = server.count(NAME)
  while (server.count(NAME) <= queries) t.is(await receivers.destination(), FIRST)
  t.is(await receivers.destination(), FIRST)
  server.mode = 'reply'
  server.set(NAME, { address: SECOND, ttl })
  await receivers.untilAt(SECOND)
  await program.until('stderr', /has an address again/u)
  t.is(
    program.stderr,
    `${failed('no address is known for this name')}${changed(FIRST, SECOND)}tun2udp: ${NAME} has an address again: ${SECOND}\n`,
  )
  t.is((await program.end()).status, 0)
})

test('many addresses in another order each time do not move the tunnel', async (t) => {
  const { server, receivers, program } = await withTunnel(t)
  const all = [SECOND, THIRD, FIRST, V6].map((address) => ({ address, ttl }))
  server.set(NAME, ...all)
  server.isRotating = true
  await lookUps(server, 3)
  t.is(await receivers.destination(), FIRST)
  t.is(program.stderr, '')
})

test('wrong addresses are refused with one notice each, and the last one stays', async (t) => {
  const { server, receivers, program } = await withTunnel(t, '--json')
  const notices = () => program.stdout.split('\n').filter((line) => line.includes('"notice"'))
  const wrong = ['127.0.0.1', '224.0.0.1', '0.0.0.0']
  for (const [index, address] of wrong.entries()) {
    server.set(NAME, { address, ttl })
    await lookUps(server, index === 0 ? 2 : 1)
    while (notices().length <= index) await new Promise((resolve) => setTimeout(resolve, 10))
    const { kind, message } = JSON.parse(notices()[index] ?? '') as Record<string, string>
    t.is(kind, 'name-refused')
    t.true(message?.startsWith(`the new address ${address} of ${NAME} is not used: `), message)
    t.is(await receivers.destination(), FIRST)
  }
  t.is(notices().length, wrong.length)
})

test('SIGTERM ends the program while a look-up of a running relay hangs', async (t) => {
  const { server, program } = await withTunnel(t)
  server.mode = 'hang'
  const queries = server.count(NAME)
  while (server.count(NAME) === queries) await new Promise((resolve) => setTimeout(resolve, 10))
  t.is((await program.end()).status, 0)
})
