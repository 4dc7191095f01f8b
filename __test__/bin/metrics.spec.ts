import { once } from 'node:events'
import { existsSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { type IncomingMessage, request } from 'node:http'
import { type AddressInfo, connect, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { setTimeout as delay } from 'node:timers/promises'
import test, { type ExecutionContext } from 'ava'
import { listenAt } from '../../bin/tun2udp/listen.ts'
import { parseMetricsAddress } from '../../bin/tun2udp/metricsAddress.ts'
import { type Behaviour, fakeEnvironment } from '../support/fakeBinding.ts'
import { type Running, startProgram } from '../support/program.ts'

const OPERANDS = ['10.0.0.1/24', '5001', '5002']

const start = (metrics: string, behaviour: Behaviour = {}): Running =>
  startProgram([...OPERANDS, '--metrics', metrics], { env: fakeEnvironment(behaviour) })

function temporaryPath(t: ExecutionContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'tun2udp-metrics-'))
  t.teardown(() => {
    rmSync(folder, { recursive: true, force: true })
  })
  return join(folder, 'metrics.sock')
}

interface Answer {
  readonly status: number | undefined
  readonly type: string | undefined
  readonly body: string
}

/** Requests a path, `/metrics` unless given. */
async function scrape(
  at: { socketPath: string } | { host: string; port: number },
  { path = '/metrics', method = 'GET' } = {},
): Promise<Answer> {
  const [response] = (await once(
    request({ ...at, path, method, agent: false }).end(),
    'response',
  )) as [IncomingMessage]
  const body = await text(response)
  return { status: response.statusCode, type: response.headers['content-type'], body }
}

/** Returns a TCP port that was free a moment ago. */
async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  server.close()
  await once(server, 'close')
  return port
}

test('a Unix socket of mode 0600 has the metrics, and is removed at the end', async (t) => {
  const socketPath = temporaryPath(t)
  const program = start(`unix:${socketPath}`)
  await program.until('stdout', /ready/u)
  t.is(statSync(socketPath).mode & 0o777, 0o600)
  const { status, type, body } = await scrape({ socketPath })
  t.is(status, 200)
  t.is(type, 'text/plain; version=0.0.4; charset=utf-8')
  t.regex(
    body,
    /^tun2udp_outbound_read_packets_total\{interface="tun0",local="127\.0\.0\.1:5002"\} 1$/mu,
  )
  const head = await scrape({ socketPath }, { method: 'HEAD' })
  t.like(head, { status: 200, body: '' })
  t.like(await scrape({ socketPath }, { path: '/' }), {
    status: 404,
    body: 'the metrics are at /metrics\n',
  })
  t.like(await scrape({ socketPath }, { path: '/metrics?x=1' }), { status: 200 })
  t.like(await scrape({ socketPath }, { method: 'POST' }), { status: 405 })
  t.like(await program.end('SIGTERM'), { status: 0 })
  t.false(existsSync(socketPath))
})

test('a port has the metrics on 127.0.0.1', async (t) => {
  const port = await freePort()
  const program = start(String(port))
  await program.until('stdout', /ready/u)
  t.like(await scrape({ host: '127.0.0.1', port }), { status: 200 })
  t.like(await program.end('SIGTERM'), { status: 0 })
})

test('before the relay is ready the answer is 503', async (t) => {
  const socketPath = temporaryPath(t)
  const program = start(`unix:${socketPath}`, {
    startAwaitsSignal: true,
    events: [{ kind: 'gso-off', message: 'the start is running' }],
  })
  await program.until('stderr', /running/u)
  t.like(await scrape({ socketPath }), { status: 503, body: 'the relay is starting\n' })
  t.like(await program.end('SIGTERM'), { status: 0 })
  t.false(existsSync(socketPath))
})

test('counters that cannot be read are an answer, not the end', async (t) => {
  const socketPath = temporaryPath(t)
  const program = start(`unix:${socketPath}`, { stats: 'throw' })
  await program.until('stdout', /ready/u)
  t.like(await scrape({ socketPath }), { status: 500 })
  program.child.kill('SIGKILL')
  await program.ended
})

test('open and slow connections do not delay the end', async (t) => {
  const socketPath = temporaryPath(t)
  const program = start(`unix:${socketPath}`)
  await program.until('stdout', /ready/u)
  const clients = Array.from({ length: 40 }, () => connect(socketPath).on('error', () => undefined))
  for (const client of clients) client.write('GET /metrics HTTP/1.1\r\n')
  t.teardown(() => {
    for (const client of clients) client.destroy()
  })
  t.like(await program.end('SIGTERM'), { status: 0 })
})

test('the socket of a killed process is replaced, that of a running one and a file are not', async (t) => {
  const socketPath = temporaryPath(t)
  const killed = start(`unix:${socketPath}`)
  await killed.until('stdout', /ready/u)
  const second = await start(`unix:${socketPath}`).ended
  t.like(second, { status: 1, stdout: '' })
  t.is(
    second.stderr,
    `tun2udp: serve the metrics at unix:${socketPath}: another program uses it, or a file is there; choose another one\n`,
  )
  killed.child.kill('SIGKILL')
  await killed.ended
  t.true(existsSync(socketPath))
  const next = start(`unix:${socketPath}`)
  await next.until('stdout', /ready/u)
  t.like(await scrape({ socketPath }), { status: 200 })
  await next.end('SIGTERM')
  writeFileSync(socketPath, 'precious')
  t.like(await start(`unix:${socketPath}`).ended, { status: 1 })
  t.is(statSync(socketPath).size, 'precious'.length)
})

test('an address that cannot be used is one line, and no relay is started', async (t) => {
  for (const [address, reason] of [
    ['192.0.2.1:9999', 'not an address of this machine; "ip address" lists them'],
    [`unix:${temporaryPath(t)}/missing/socket`, 'the folder does not exist; create it first'],
  ] as const) {
    const { status, stdout, stderr } = await start(address).ended
    t.deepEqual([status, stdout], [1, ''])
    t.is(stderr, `tun2udp: serve the metrics at ${address}: ${reason}\n`)
  }
})

test('addresses have three forms', (t) => {
  t.deepEqual(parseMetricsAddress('9586'), { address: '127.0.0.1', port: 9586 })
  t.deepEqual(parseMetricsAddress('0.0.0.0:9586'), { address: '0.0.0.0', port: 9586 })
  t.deepEqual(parseMetricsAddress('[::1]:9586'), { address: '::1', port: 9586 })
  t.deepEqual(parseMetricsAddress('unix:/run/x'), { path: '/run/x' })
  for (const wrong of [
    '',
    '0',
    '65536',
    'x',
    ':9586',
    '1.2.3:5',
    '1.2.3.256:5',
    '::1:9586',
    '[::g]:5',
    '[1.2.3.4]:5',
    'unix:',
    `unix:/${'x'.repeat(107)}`,
    '-1',
    '1.5',
    '127.0.0.1:',
  ]) {
    t.is(parseMetricsAddress(wrong), undefined, wrong)
  }
})

test('a client that does not read its responses is disconnected', async (t) => {
  const socketPath = temporaryPath(t)
  const program = start(`unix:${socketPath}`)
  await program.until('stdout', /ready/u)
  const client = connect(socketPath)
  t.teardown(() => client.destroy())
  await once(client, 'connect')
  const gone = once(client, 'error')
  const isGone = gone.then(() => true as const)
  // More responses than a socket holds.
  client.pause().write('GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n'.repeat(200))
  const deadline = Date.now() + 60_000
  let hasEnded = false
  while (!hasEnded && Date.now() < deadline) {
    if (client.writable) client.write('GET ')
    hasEnded = await Promise.race([isGone, delay(200, false)])
  }
  t.true(hasEnded)
  t.like(await scrape({ socketPath }), { status: 200 })
  t.like(await program.end('SIGTERM'), { status: 0 })
})

test('a failed accept does not end the program', async (t) => {
  const path = temporaryPath(t)
  const server = createServer()
  // A thread of the test runner cannot change the mask.
  Object.assign(process, { umask: () => 0o022 })
  await listenAt(server, { path }, { operation: 'serve the metrics at', subject: path })
  t.teardown(() => server.close())
  t.notThrows(() => server.emit('error', new Error('accept EMFILE')))
})
