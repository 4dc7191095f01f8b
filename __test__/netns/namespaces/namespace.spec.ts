import { readlinkSync } from 'node:fs'
import { once } from 'node:events'
import { get } from 'node:http'
import { createServer as createHttpServer } from 'node:http'
import type { Socket } from 'node:net'
import { text } from 'node:stream/consumers'
import type { ExecutionContext } from 'ava'
import { type Namespace, type NamespaceServer, type TunError, inNamespace } from '../../../index.ts'
import { shapedController } from '../../support/shapedSignal.ts'
import { rootTest as test } from '../../support/skip.ts'
import { withNamespace } from '../../support/namespace.ts'

/** The namespace that this thread is in. */
const here = () => readlinkSync('/proc/thread-self/ns/net')

/** A namespace with loopback, as an object; both are removed after the test. */
async function open(t: ExecutionContext): Promise<Namespace> {
  const { name } = await withNamespace(t)
  const namespace = inNamespace(name)
  t.teardown(() => namespace.close())
  return namespace
}

function portOf(server: NamespaceServer): number {
  return server.address().port
}

test('a process runs in the namespace, and the thread stays where it is', async (t) => {
  const before = here()
  const namespace = await open(t)
  const child = namespace.spawn('readlink', ['/proc/self/ns/net'])
  t.is(here(), before)
  const inside = (await text(child.stdout)).trim()
  t.not(inside, before)
  t.is((await namespace.run('readlink', ['/proc/self/ns/net'])).stdout.trim(), inside)
  const links = await namespace.run('ip', ['-br', 'link'])
  t.regex(links.stdout, /^lo .*\n$/u)
  // Options without arguments, and the environment of the caller.
  const shell = namespace.spawn('echo $WORD', { shell: true, env: { WORD: 'hello' } })
  t.is(await text(shell.stdout), 'hello\n')
})

test('failures of a process are those of Node, and the thread is back', async (t) => {
  const before = here()
  const namespace = await open(t)
  const [error] = (await once(namespace.spawn('no-such-program'), 'error')) as [Error]
  t.like(error, { code: 'ENOENT' })
  t.throws(() => namespace.spawn('true', [], { cwd: 7 as never }), { code: 'ERR_INVALID_ARG_TYPE' })
  t.throws(() => namespace.spawn('true', 7 as never), { code: 'ERR_INVALID_ARG_TYPE' })
  t.is(here(), before)
  await t.throwsAsync(namespace.run('sh', ['-c', 'echo x >&2; exit 3']), { code: 3 as never })
  await t.throwsAsync(namespace.run('sleep', ['9'], { signal: AbortSignal.abort() }), {
    name: 'AbortError',
  })
  t.is(here(), before)
})

test('a server and a socket of TCP meet in the namespace, and nowhere else', async (t) => {
  const namespace = await open(t)
  for (const host of ['127.0.0.1', '::1', 'localhost', undefined]) {
    const server = namespace.listen({ ...(host && { host }) }, (socket) => socket.pipe(socket))
    t.teardown(() => server.close())
    const port = portOf(server)
    const socket = namespace.connect({ port, ...(host && { host }), noDelay: true })
    socket.end('hello')
    t.is(await text(socket), 'hello', host)
    // The namespace of the process has no connection.
    const { connect } = await import('node:net')
    const outside = connect({ port, host: host ?? '127.0.0.1' })
    const [error] = (await once(outside, 'error')) as [Error & { code: string }]
    t.true(['ECONNREFUSED', 'EADDRNOTAVAIL'].includes(error.code), error.code)
  }
})

test('a refused connection is an error event, as of net.connect()', async (t) => {
  const namespace = await open(t)
  const server = namespace.listen({ host: '127.0.0.1' })
  const port = portOf(server)
  server.close()
  let error: NodeJS.ErrnoException
  do {
    // A process that another test starts has a copy of each descriptor until its exec(2): then it is a reset.
    ;[error] = (await once(namespace.connect({ port }), 'error')) as [NodeJS.ErrnoException]
  } while (error.code === 'ECONNRESET')
  t.like(error, { code: 'ECONNREFUSED', syscall: 'connect', port })
})

test('a socket has the local address and port that it was given', async (t) => {
  const namespace = await open(t)
  let peer: Socket | undefined
  const server = namespace.listen({ host: '127.0.0.1' }, (socket) => {
    peer = socket.end()
  })
  t.teardown(() => server.close())
  const socket = namespace.connect({ port: portOf(server), localAddress: '127.0.0.5' })
  await once(socket.resume(), 'end')
  t.is(peer?.remoteAddress, '127.0.0.5')
})

test('HTTP runs over servers and sockets of the namespace', async (t) => {
  const namespace = await open(t)
  const server = createHttpServer((_, response) => response.end('page'))
  const listening = namespace.listen({ server, host: '::1' })
  t.true(Object.is(listening, server))
  t.teardown(() => server.close())
  const port = portOf(listening)
  const request = get({
    path: '/',
    createConnection: () => namespace.connect({ host: '::1', port }),
  })
  const [response] = (await once(request, 'response')) as [AsyncIterable<Buffer>]
  t.is(await text(response), 'page')
})

test('an address that is taken, or not of the namespace, is a TunError at once', async (t) => {
  const namespace = await open(t)
  const server = namespace.listen({ host: '127.0.0.1' })
  t.teardown(() => server.close())
  const taken = { host: '127.0.0.1', port: portOf(server) }
  t.throws<TunError>(() => namespace.listen(taken), {
    name: 'TunError',
    code: 'ERR_TUN_ADDRESS_IN_USE',
  })
  t.throws(() => namespace.listen({ host: '192.0.2.1' }), { code: 'ERR_TUN_ADDRESS_NOT_AVAILABLE' })
  t.throws(() => namespace.listen({ server }), {
    message: /^Invalid server object: expected a server that does not listen$/u,
  })
})

test('datagrams go both ways, bound or not, of both families', async (t) => {
  const namespace = await open(t)
  for (const [type, host] of [
    ['udp4', '127.0.0.1'],
    ['udp6', '::1'],
  ] as const) {
    const server = namespace.createSocket(type, (message, { port, address }) => {
      server.send(message, port, address)
    })
    t.teardown(() => server.close())
    await new Promise<void>((done) => server.bind(0, host, done))
    const { port, address } = server.address()
    t.is(address, host)
    // It is not bound before it sends.
    const client = namespace.createSocket({ type })
    t.teardown(() => client.close())
    client.send('hello', port, host)
    const [message] = (await once(client, 'message')) as [Buffer]
    t.is(message.toString(), 'hello')
    const connected = namespace.createSocket(type)
    t.teardown(() => connected.close())
    connected.connect(port, host)
    await once(connected, 'connect')
    connected.send('again')
    t.is(String((await once(connected, 'message'))[0]), 'again')
  }
})

test('bind() takes what that of Node takes, and its failures are events', async (t) => {
  const namespace = await open(t)
  const first = namespace.createSocket('udp4')
  t.teardown(() => first.close())
  t.is(first.bind({ port: 0, address: '127.0.0.1' }), first)
  await once(first, 'listening')
  t.throws(() => first.bind(), { code: 'ERR_SOCKET_ALREADY_BOUND' })
  const { port } = first.address()
  const second = namespace.createSocket('udp4')
  t.teardown(() => second.close())
  second.bind(port, '127.0.0.1')
  const [error] = (await once(second, 'error')) as [TunError]
  t.is(error.code, 'ERR_TUN_ADDRESS_IN_USE')
  // It can be bound afterwards.
  await new Promise<void>((done) => second.bind(done))
  t.is(second.address().address, '0.0.0.0')
  const third = namespace.createSocket('udp4')
  third.bind(port, '192.0.2.1')
  const [missing] = (await once(third, 'error')) as [TunError]
  t.is(missing.code, 'ERR_TUN_ADDRESS_NOT_AVAILABLE')
  third.close()
})

test('a namespace stays open without its name, and closed it is of no use', async (t) => {
  const namespace = await open(t)
  const other = inNamespace(namespace.netns)
  await namespace.close()
  await namespace.close()
  t.true(namespace.isClosed)
  await namespace.closed
  const closed = { code: 'ERR_TUN_CLOSED' }
  t.throws(() => namespace.netns, closed)
  t.throws(() => namespace.spawn('true'), closed)
  t.throws(() => namespace.connect({ port: 1 }), closed)
  t.throws(() => namespace.listen(), closed)
  t.throws(() => namespace.createSocket('udp4'), closed)
  await t.throwsAsync(namespace.run('true'), closed)
  await t.throwsAsync(namespace.openTun(), closed)
  t.regex((await other.run('ip', ['-br', 'link'])).stdout, /^lo /u)
  await other[Symbol.asyncDispose]()
})

test('a signal of any class closes what it was given to', async (t) => {
  const { name } = await withNamespace(t)
  const { signal, abort } = shapedController()
  const namespace = inNamespace(name, { signal })
  const inner = shapedController()
  const server = namespace.listen({ host: '127.0.0.1', signal: inner.signal })
  const socket = namespace.connect({ port: portOf(server), signal: inner.signal })
  const datagrams = namespace.createSocket({ type: 'udp4', signal: inner.signal })
  const ends = [once(server, 'close'), once(datagrams, 'close'), once(socket, 'error')]
  const reason = new Error('enough')
  inner.abort(reason)
  const [, , errors] = await Promise.all(ends)
  t.is(errors?.[0], reason)
  for (const call of [
    () => namespace.listen({ signal: inner.signal }),
    () => namespace.connect({ port: 1, signal: inner.signal }),
    () => namespace.createSocket({ type: 'udp4', signal: inner.signal }),
    () => inNamespace(name, { signal: inner.signal }),
  ])
    t.throws(call, { is: reason })
  t.false(namespace.isClosed)
  abort(reason)
  t.true(namespace.isClosed)
})

test('devices and relays are opened inside', async (t) => {
  const namespace = await open(t)
  const tun = await namespace.openTun({ name: 'here0', addresses: ['10.0.0.1/24'] })
  t.teardown(() => tun.close())
  const tap = await namespace.openTap({ name: 'here1' })
  t.teardown(() => tap.close())
  const options = { addresses: ['10.9.0.1/24'], sendPort: 9, receivePort: 0 }
  const relay = await namespace.startRelay({ ...options, name: 'here2' })
  t.teardown(() => relay.close())
  const netlink = await namespace.openNetlink()
  t.teardown(() => netlink.close())
  const names = (await netlink.links.list()).map(({ name }) => name)
  t.deepEqual(names.sort(), ['here0', 'here1', 'here2', 'lo'])
  // Its UDP socket is inside too.
  const sockets = await namespace.run('ss', ['-Huan'])
  t.regex(sockets.stdout, new RegExp(`127\\.0\\.0\\.1:${relay.info.local.port} `, 'u'))
  await t.throwsAsync(namespace.openTun({ netns: 'x' } as never), {
    message: /^Invalid netns "x": expected none/u,
  })
  await t.throwsAsync(namespace.openTun(null as never), { message: /^Invalid options null/u })
})

test('wrong options are refused by name', async (t) => {
  const namespace = await open(t)
  const cases: [call: () => unknown, message: RegExp][] = [
    [() => namespace.connect({} as never), /^Invalid port undefined: expected a whole number/u],
    [() => namespace.connect({ port: 0 }), /^Invalid port 0: .* 1 to 65535$/u],
    [() => namespace.connect(80 as never), /^Invalid options 80: expected an object$/u],
    [
      () => namespace.connect({ port: 1, host: 'a.example' }),
      /"localhost"; resolve a name before/u,
    ],
    [() => namespace.connect({ port: 1, host: 'fe80::1%lo' }), /^Invalid host "fe80::1%lo"/u],
    [() => namespace.connect({ port: 1, hots: 1 } as never), /did you mean host\?$/u],
    [() => namespace.connect({ port: 1, localAddress: '::1' }), /^Invalid localAddress "::1"/u],
    [() => namespace.connect({ port: 1 }, 1 as never), /^Invalid connectListener 1/u],
    [() => namespace.listen({ port: 65_536 }), /^Invalid port 65536/u],
    [() => namespace.listen({ backlog: 0 }), /^Invalid backlog 0/u],
    [() => namespace.listen({ server: {} as never }), /^Invalid server object: .* net\.Server$/u],
    [() => namespace.listen({ path: '/x' } as never), /^Invalid property of options "path"/u],
    [() => namespace.createSocket('udp' as never), /^Invalid type "udp": expected "udp4" or/u],
    [() => namespace.createSocket({} as never), /^Invalid type undefined/u],
    [() => namespace.createSocket('udp4').bind(70_000), /^Invalid port 70000/u],
    [() => namespace.createSocket('udp4').bind(0, '::1'), /^Invalid address "::1": .* IPv4/u],
    [() => inNamespace(''), /^Invalid netns ""/u],
    [() => inNamespace(0), /^Invalid netns 0/u],
    [() => inNamespace(1, { singal: 1 } as never), /did you mean signal\?$/u],
  ]
  for (const [call, message] of cases)
    t.throws<TunError>(call, { name: 'TunError', code: 'ERR_TUN_INVALID_ARGUMENT', message })
  t.throws(() => inNamespace('no-such-namespace'), { code: 'ERR_TUN_NOT_FOUND' })
})
