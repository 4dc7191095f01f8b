import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { withNamespace } from '../../support/namespace.ts'
import { OPERANDS, READY, start } from '../../support/netnsProgram.ts'
import { rootTest as test } from '../../support/skip.ts'

test('sd_notify: READY=1 once packets flow, STOPPING=1 at the end', async (t) => {
  const namespace = await withNamespace(t)
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
  let heard = ''
  listener.stdout.setEncoding('utf8').on('data', (data: string) => (heard += data))
  const program = start(t, namespace, OPERANDS, { NOTIFY_SOCKET: socket })
  await program.until('stdout', READY)
  t.is((await program.end()).status, 0)
  while (!heard.includes('STOPPING')) await new Promise((resolve) => setTimeout(resolve, 10))
  t.is(heard, 'READY=1\nSTOPPING=1\n')
})
