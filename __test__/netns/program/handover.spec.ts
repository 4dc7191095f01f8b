import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { connect } from 'node:net'
import { fileURLToPath } from 'node:url'
import type { ExecutionContext } from 'ava'
import { descriptorsOf } from '../../support/descriptors.ts'
import { temporaryFolder } from '../../support/folder.ts'
import { eventually } from '../../support/gone.ts'
import { Running, runProgram } from '../../support/program.ts'
import { hasTools, rootTest as test } from '../../support/skip.ts'
import { NAME, READY, TakeoverTunnel } from '../../support/takeover.ts'
import { untilTrue } from '../../support/wait.ts'

const OTHER = fileURLToPath(new URL('../../support/handover.py', import.meta.url))
const TUN = /^\/dev\/net\/tun$/u

/** Starts a process that misbehaves as one end of a take-over. It ends with the test. */
function startOther(t: ExecutionContext, role: 'new' | 'old', path: string, kind: string): Running {
  const child = spawn('python3', [OTHER, role, path, kind], { stdio: ['ignore', 'pipe', 'pipe'] })
  const other = new Running(child, 600_000)
  t.teardown(async () => other.end('SIGKILL'))
  return other
}

/** Sends a request, and returns the answer. */
async function request(path: string, line: object): Promise<string> {
  const socket = connect(path).setEncoding('utf8')
  socket.write(`${JSON.stringify(line)}\n`)
  const [answer] = (await once(socket, 'data')) as [string]
  socket.destroy()
  return answer
}

test('a program of another protocol is refused, and started in place of the running one', async (t) => {
  if (!hasTools(t, 'ping')) return
  const tunnel = await TakeoverTunnel.open(t)
  const first = tunnel.start(t)
  await first.until('stdout', READY)
  const params = { protocol: 2, version: '9.9.9' }
  const answer = await request(tunnel.control, { id: 1, method: 'takeover', params })
  t.regex(answer, /UNSUPPORTED.*end the running one and start this one without --takeover/u)
  t.true(await tunnel.isWorking())
  await first.end()
  await tunnel.start(t).until('stdout', READY)
  await untilTrue('packets flow', async () => tunnel.isWorking())
})

test('without a path or a name no relay is found; with one of them it is taken over', async (t) => {
  if (!hasTools(t, 'ping')) return
  const tunnel = await TakeoverTunnel.open(t)
  const env = { RUNTIME_DIRECTORY: temporaryFolder(t) }
  const start = (...more: string[]) =>
    tunnel.startWith(t, [...tunnel.args.slice(0, 5), ...more], env)
  const first = start('--name', NAME)
  await first.until('stdout', READY)
  const lost = await start('--takeover').ended
  t.is(lost.status, 2)
  t.regex(lost.stderr, /give its path with --control, or the name of the interface with --name/u)
  const second = start('--name', NAME, '--takeover')
  await second.until('stdout', READY)
  t.is((await first.ended).status, 0)
  const control = `${env.RUNTIME_DIRECTORY}/${NAME}.sock`
  const third = start('--control', control, '--takeover')
  await third.until('stdout', READY)
  t.is((await second.ended).status, 0)
  await untilTrue('packets flow', async () => tunnel.isWorking())
})

test('a new process that falls silent, dies or sends something else does not end the relay', async (t) => {
  if (!hasTools(t, 'ping', 'python3')) return
  t.timeout(240_000)
  const tunnel = await TakeoverTunnel.open(t)
  const first = tunnel.start(t)
  await first.until('stdout', READY)
  const [before, identity] = [await tunnel.describe(), await tunnel.identity()]
  const queues = descriptorsOf(first.child.pid, TUN)
  let failures = 0
  for (const [step, isSilent] of [
    ['request', false],
    ['state', false],
    ['ready', false],
    ['ready', true],
    ['garbage', false],
    ['pipe', false],
  ] as const) {
    const other = startOther(t, 'new', tunnel.control, step)
    await other.until('stdout', /waiting/u)
    if (step === 'request') {
      const busy = await tunnel.start(t, '--takeover').ended
      t.regex(busy.stderr, /another process does so already/u)
    }
    // A process with other options has changed settings before it is killed.
    if (step === 'state') {
      await tunnel.near.run('ip', ['link', 'set', 'dev', NAME, 'mtu', '1300', 'txqueuelen', '7'])
      await tunnel.near.run('ip', ['address', 'add', '10.8.0.1/24', 'dev', NAME])
      await tunnel.near.run('ip', ['address', 'delete', '10.9.0.1/24', 'dev', NAME])
    }
    if (!isSilent) await other.end('SIGKILL')
    failures++
    await untilTrue(`${step}: it goes on`, () => {
      return first.stderr.split('did not take over').length - 1 === failures
    })
    await untilTrue(`${step}: packets flow`, async () => tunnel.isWorking())
    t.is(await tunnel.describe(), before, step)
    t.is(await tunnel.identity(), identity, step)
    const count = () => descriptorsOf(first.child.pid, TUN)
    await eventually(t, count, queues, `${step}: no descriptor is left`)
  }
  const second = tunnel.start(t, '--takeover')
  await second.until('stdout', READY)
  t.is((await first.ended).status, 0, first.stderr)
  t.true(await tunnel.isWorking())
})

test('foreign descriptors and messages are refused by the new process', async (t) => {
  if (!hasTools(t, 'python3')) return
  const tunnel = await TakeoverTunnel.open(t)
  for (const [kind, expected, reason] of [
    ['none', 1, /sent no descriptors/u],
    ['pipe', 2, /it is not a socket/u],
    ['tcp', 2, /it is not a UDP socket/u],
    ['many', 2, /it is not a socket/u],
    ['endless', 1, /more than 256 queues/u],
    ['state', 1, /sent state in place of queue/u],
    ['garbage', 1, /the other process sent "garbage"/u],
    ['open', 1, /others may write to it; do not use it/u],
  ] as const) {
    const path = `${tunnel.control}-${kind}`
    const other = startOther(t, 'old', path, kind)
    await other.until('stdout', /listening/u)
    const args = [...tunnel.args.slice(0, -1), path, '--takeover']
    const { status, stdout, stderr } = await runProgram(args)
    t.is(status, expected, kind)
    t.is(stdout, '', kind)
    t.regex(stderr, reason, kind)
    await other.end()
    t.is(await tunnel.describe(), '', kind)
  }
})

test('of several processes that take over at the same time, one relays', async (t) => {
  if (!hasTools(t, 'ping')) return
  const tunnel = await TakeoverTunnel.open(t)
  const first = tunnel.start(t)
  await first.until('stdout', READY)
  const identity = await tunnel.identity()
  const others = [1, 2, 3].map(() => tunnel.start(t, '--takeover'))
  await first.ended
  // Each of them is refused, or takes over from the one before.
  await untilTrue('one process is left', () => {
    const running = others.filter(({ child }) => child.exitCode === null)
    return running.length === 1 && running.every(({ stdout }) => READY.test(stdout))
  })
  t.true(await tunnel.isWorking())
  t.is(await tunnel.identity(), identity)
  t.false(others.some(({ child }) => child.signalCode !== null))
})
