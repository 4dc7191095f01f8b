import type { ExecutionContext } from 'ava'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { withNamespace } from '../../support/namespace.ts'
import { OPERANDS, READY, start } from '../../support/netnsProgram.ts'
import { cleanEnvironment } from '../../support/program.ts'
import { INDEX } from '../../support/script.ts'
import { hasTools, rootTest as test } from '../../support/skip.ts'

/** Listens as a service manager. Returns the path of its socket, and what it has received. */
async function listen(t: ExecutionContext): Promise<{ socket: string; received: () => string }> {
  const directory = await mkdtemp(join(tmpdir(), 'tun2udp-'))
  t.teardown(() => rm(directory, { recursive: true }))
  const socket = join(directory, 'notify')
  // Node has no datagram sockets of the Unix domain.
  const listener = spawn('socat', ['-u', `UNIX-RECV:${socket}`, 'STDOUT'], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  t.teardown(() => listener.kill())
  await once(listener, 'spawn')
  while (!existsSync(socket)) await new Promise((resolve) => setTimeout(resolve, 10))
  let received = ''
  listener.stdout.setEncoding('utf8').on('data', (data: string) => (received += data))
  return { socket, received: () => received }
}

test('sd_notify: READY=1 once packets flow, STOPPING=1 at the end', async (t) => {
  const namespace = await withNamespace(t)
  const { socket, received } = await listen(t)
  const program = start(t, namespace, OPERANDS, { NOTIFY_SOCKET: socket })
  await program.until('stdout', READY)
  t.is((await program.end()).status, 0)
  while (!received().includes('STOPPING')) await new Promise((resolve) => setTimeout(resolve, 10))
  t.is(received(), 'READY=1\nSTOPPING=1\n')
})

test('notifications at the same time arrive in the order of the calls', async (t) => {
  const { socket, received } = await listen(t)
  const script = `
    import { sdNotify } from '${INDEX}'
    await Promise.all(Array.from({ length: 200 }, (_, number) => sdNotify('STATUS=' + number)))`
  const child = spawn(process.execPath, ['--input-type=module', '-e', script], {
    env: { ...process.env, NOTIFY_SOCKET: socket },
    stdio: 'inherit',
  })
  t.deepEqual(await once(child, 'exit'), [0, null])
  while (!received().includes('=199\n')) await new Promise((resolve) => setTimeout(resolve, 10))
  t.is(received(), Array.from({ length: 200 }, (_, number) => `STATUS=${number}\n`).join(''))
})

/** Binds a socket that is not read, prints a line, and reads all of it after a line of input. */
const UNREAD = `
import socket, sys
s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
s.bind(sys.argv[1])
print('bound', flush=True)
sys.stdin.readline()
while True: print(s.recv(100).decode(), end='', flush=True)`

test('a service manager that does not read delays a notification, and never the event loop', async (t) => {
  if (!hasTools(t, 'python3')) return
  const directory = await mkdtemp(join(tmpdir(), 'tun2udp-'))
  t.teardown(() => rm(directory, { recursive: true }))
  const socket = join(directory, 'notify')
  const reader = spawn('python3', ['-c', UNREAD, socket], { stdio: ['pipe', 'pipe', 'inherit'] })
  t.teardown(() => reader.kill())
  await once(reader.stdout, 'data')
  let heard = ''
  reader.stdout.setEncoding('utf8').on('data', (data: string) => (heard += data))
  const script = `
    import { sdNotify } from '${INDEX}'
    let ticks = 0
    setInterval(() => ticks++, 10)
    let sent = 0
    const fill = async () => { for (;; sent++) await sdNotify('STATUS=' + sent) }
    const error = await fill().catch((error) => error)
    console.log(JSON.stringify({ code: error.code, message: error.message, sent, ticks }))
    const last = sdNotify('READY=1')
    console.log('waits')
    console.log(await last)
    process.exit()`
  const child = spawn(process.execPath, ['--input-type=module', '-e', script], {
    env: cleanEnvironment({ NOTIFY_SOCKET: socket }),
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  t.teardown(() => child.kill())
  let said = ''
  child.stdout.setEncoding('utf8').on('data', (data: string) => (said += data))
  while (!said.includes('waits')) await new Promise((resolve) => setTimeout(resolve, 10))
  const [result = ''] = said.split('\n')
  const { code, message, sent, ticks } = JSON.parse(result) as Record<string, unknown>
  t.is(code, 'ERR_TUN_SYSTEM')
  t.is(
    message,
    `notify the service manager at ${socket}: its queue was full for 5 seconds; check NOTIFY_SOCKET, or unset it`,
  )
  t.true(Number(sent) > 0)
  t.true(Number(ticks) > 1, `${String(ticks)} turns of the event loop`)
  reader.stdin.write('read\n')
  await once(child, 'close')
  t.regex(said, /\ntrue\n$/u)
  while (!heard.includes('READY=1\n')) await new Promise((resolve) => setTimeout(resolve, 10))
})
