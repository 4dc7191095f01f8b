import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { ExecutionContext } from 'ava'
import { withNameServer } from '../../support/dns/nameServer.ts'
import { withNamespace } from '../../support/namespace.ts'
import { start } from '../../support/netnsProgram.ts'
import { cleanEnvironment } from '../../support/program.ts'
import { INDEX } from '../../support/script.ts'
import { rootTest as test } from '../../support/skip.ts'

const NAME = 'b.example'
const ARGS = ['10.9.0.1/24', '5001', '0', '--peer', NAME]
const PEER = { address: '127.0.0.1', ttl: 60 }
/** A look-up takes far longer than a test may. */
const ENDLESS = 'timeout:30 attempts:5'

/** Collects the notifications of a program; `heard()` returns them. */
async function withManager(t: ExecutionContext): Promise<{ socket: string; heard: () => string }> {
  const directory = await mkdtemp(join(tmpdir(), 'tun2udp-'))
  t.teardown(() => rm(directory, { recursive: true }))
  const socket = join(directory, 'notify')
  // Node has no datagram sockets of the Unix domain.
  const stdio = ['ignore', 'pipe', 'inherit'] as const
  const listener = spawn('socat', ['-u', `UNIX-RECV:${socket}`, 'STDOUT'], { stdio: [...stdio] })
  t.teardown(() => listener.kill())
  await once(listener, 'spawn')
  await until(() => existsSync(socket))
  let text = ''
  listener.stdout.setEncoding('utf8').on('data', (data: string) => (text += data))
  return { socket, heard: () => text }
}

async function until(isTrue: () => boolean): Promise<void> {
  while (!isTrue()) await new Promise((resolve) => setTimeout(resolve, 10))
}

test('--wait-for-dns: the program waits until the name has an address, and says so', async (t) => {
  const namespace = await withNamespace(t)
  const server = await withNameServer(t, namespace)
  const { socket, heard } = await withManager(t)
  server.mode = 'fail'
  const program = start(t, namespace, [...ARGS, '--wait-for-dns'], { NOTIFY_SOCKET: socket })
  const temporary = `waiting for DNS: ${NAME}: the resolver failed (EAI_AGAIN); check /etc/resolv.conf, or give an address\n`
  await until(() => program.stderr === `tun2udp: ${temporary}`)
  await until(() => heard() === `STATUS=${temporary}`)
  server.mode = 'reply'
  const unknown = `waiting for DNS: ${NAME}: no address is known for this name; check the name, or give an address\n`
  await until(() => program.stderr.endsWith(`tun2udp: ${unknown}`))
  // Each reason is reported once.
  const queries = server.count(NAME)
  await until(() => server.count(NAME) > queries + 1)
  t.is(program.stderr, `tun2udp: ${temporary}tun2udp: ${unknown}`)
  server.set(NAME, PEER)
  await program.until('stdout', /^ready: .* to 127\.0\.0\.1:5001\n$/u)
  t.is(program.stderr.split('\n').at(2), `tun2udp: ${NAME} has an address again: 127.0.0.1`)
  await until(() => heard().includes('READY=1'))
  t.deepEqual(
    heard().split('\n').slice(0, 2),
    [temporary, unknown].map((text) => `STATUS=${text.trim()}`),
  )
  t.deepEqual(heard().split('\n').slice(2).toSorted(), ['', 'READY=1', 'STATUS='])
  t.is((await program.end()).status, 0)
})

test('--wait-for-dns: an address that no peer can have is waited for too', async (t) => {
  const namespace = await withNamespace(t)
  const server = await withNameServer(t, namespace)
  server.set(NAME, { address: '0.0.0.0', ttl: 60 })
  const program = start(t, namespace, [...ARGS, '--wait-for-dns', '--json'])
  const [line] = await program.until('stdout', /^\{"event":"notice".*\n/u)
  t.deepEqual(JSON.parse(line), {
    event: 'notice',
    kind: 'name-waiting',
    message: `waiting for DNS: ${NAME}: its address 0.0.0.0 cannot be used: expected the address of one host, not an unspecified one; check the name, or give an address`,
  })
  server.set(NAME, PEER)
  await program.until('stdout', /"event":"ready"/u)
  t.is((await program.end()).status, 0)
})

test('without --wait-for-dns the start fails at once, with a status that permits a restart', async (t) => {
  const namespace = await withNamespace(t)
  const server = await withNameServer(t, namespace)
  const failure = async () => {
    const { status, stderr } = await start(t, namespace, ARGS).ended
    t.is(status, 1)
    return stderr
  }
  const prefix = `tun2udp: resolve the peer ${NAME}: `
  t.is(
    await failure(),
    `${prefix}no address is known for this name; check the name, or give an address\n`,
  )
  server.mode = 'fail'
  t.is(
    await failure(),
    `${prefix}the resolver failed (EAI_AGAIN); check /etc/resolv.conf, or give an address\n`,
  )
  server.mode = 'reply'
  server.set(NAME, { address: '224.0.0.1', ttl: 60 })
  t.regex(await failure(), /its address 224\.0\.0\.1 cannot be used: expected .* multicast one; /u)
})

for (const signal of ['SIGTERM', 'SIGINT'] as const) {
  test(`${signal} ends the program while a look-up hangs`, async (t) => {
    const namespace = await withNamespace(t)
    const server = await withNameServer(t, namespace, ENDLESS)
    server.mode = 'hang'
    for (const options of [[], ['--wait-for-dns']]) {
      const before = server.count(NAME)
      const program = start(t, namespace, [...ARGS, ...options])
      await until(() => server.count(NAME) > before)
      const { status, stdout, stderr } = await program.end(signal)
      t.deepEqual({ status, stdout, stderr }, { status: 0, stdout: '', stderr: '' })
    }
  })
}

test('an aborted start does not keep the process alive while its look-up hangs, and files are read', async (t) => {
  const namespace = await withNamespace(t)
  const server = await withNameServer(t, namespace, ENDLESS)
  server.mode = 'hang'
  // More look-ups than libuv has threads.
  const script = `
    import { setMaxListeners } from 'node:events'
    import { readFile } from 'node:fs/promises'
    import { startRelay } from '${INDEX}'
    const controller = new AbortController()
    const { signal } = controller
    setMaxListeners(0, signal)
    const options = { addresses: ['10.9.0.1/24'], sendPort: 5001, receivePort: 0, signal }
    const names = Array.from({ length: 20 }, (_, number) => number + '.${NAME}')
    const starts = names.map((peer) => startRelay({ ...options, peer }).catch(({ message }) => message))
    process.stdin.once('data', async () => {
      const text = await readFile('/proc/self/comm', 'utf8')
      controller.abort(new Error('enough'))
      console.log(text.length > 0, new Set(await Promise.all(starts)))
      process.stdin.destroy()
    })`
  const child = spawn(
    'ip',
    ['netns', 'exec', namespace.name, process.execPath, '--input-type=module', '-e', script],
    { env: cleanEnvironment(), stdio: ['pipe', 'pipe', 'inherit'] },
  )
  t.teardown(() => child.kill('SIGKILL'))
  let output = ''
  child.stdout.setEncoding('utf8').on('data', (data: string) => (output += data))
  const ended = once(child, 'close')
  await until(() => server.queries.size >= 16)
  child.stdin.write('abort\n')
  const [status] = (await ended) as [number | null]
  t.is(status, 0)
  t.is(output, "true Set(1) { 'enough' }\n")
})

test('SIGTERM ends the program between two look-ups', async (t) => {
  const namespace = await withNamespace(t)
  const server = await withNameServer(t, namespace)
  server.mode = 'fail'
  const program = start(t, namespace, [...ARGS, '--wait-for-dns'])
  await program.until('stderr', /waiting for DNS/u)
  t.is((await program.end()).status, 0)
})
