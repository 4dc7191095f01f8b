import { withNamespace } from '../../support/namespace.ts'
import { start } from '../../support/netnsProgram.ts'
import { rootTest as test } from '../../support/skip.ts'

test('--keepalive: the program reports that the peer is up, and down after three silent intervals', async (t) => {
  const namespace = await withNamespace(t)
  const run = async (address: string, ports: readonly string[], ...options: string[]) => {
    const program = start(t, namespace, [address, ...ports, '--json', ...options])
    await program.until('stdout', /"ready"[^\n]*\n/u)
    return program
  }
  const near = await run('10.9.0.1/24', ['5001', '5002'], '--keepalive', '1')
  const far = await run('10.8.0.1/24', ['5002', '5001'], '--keepalive', '1')
  for (const program of [near, far]) await program.until('stdout', /"kind":"peer-up"[^\n]*\n/u)
  const { status, stdout } = await far.end()
  t.is(status, 0)
  // Keepalives are neither packets nor datagrams.
  t.regex(stdout, /"summary".*"packetsWritten":0,/u)
  t.regex(stdout, /"summary".*"datagramsReceived":0,/u)
  t.notRegex(stdout, /"keepalives(Sent|Received)":0\b/u)
  await near.until('stdout', /"kind":"peer-down"[^\n]*\n/u)
  t.regex(near.stdout, /"peer-down".*127\.0\.0\.1:5001 is down: nothing came from it/u)
  t.is((await near.end()).status, 0)
})

test('without --keepalive no datagram is sent, and no state of the peer is reported', async (t) => {
  const namespace = await withNamespace(t)
  const program = start(t, namespace, ['10.9.0.1/24', '5001', '5002', '--json', '--keepalive', '0'])
  await program.until('stdout', /"ready"[^\n]*\n/u)
  const { status, stdout } = await program.end()
  t.is(status, 0)
  t.regex(stdout, /"summary".*"datagramsSent":0,.*"keepalivesSent":0,/u)
  t.notRegex(stdout, /peer-(up|down)/u)
})
