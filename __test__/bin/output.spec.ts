import { spawn } from 'node:child_process'
import test from 'ava'
import type { Behaviour } from '../support/fakeBinding.ts'
import { FAKE_STATS, fakeEnvironment } from '../support/fakeBinding.ts'
import { PROGRAM, Running, cleanEnvironment, startProgram } from '../support/program.ts'
import { hasTools } from '../support/skip.ts'

const OPERANDS = ['10.0.0.1/24', '5001', '5002']
const READY = 'ready: tun0 10.0.0.1/24 mtu 1500, UDP 127.0.0.1:5002 to 127.0.0.1:5001\n'
/** The counters of the fake as the program prints them. */
const STATS =
  'out 1 (2 byte), 25 missed, 17 failed reads, sent 4 (5 byte), 6 refused by the peer, 7 reported unreachable, 8 reported too long, ' +
  '21 local address removed, 19 ICMP errors to the interface, 20 ICMP errors lost, dropped 129 (too long 9, peer unreachable 10, no peer 23, ' +
  'denied 11, no buffers 12, looped 22, malformed 14, closing 15, other 13); ' +
  'in 101 (102 byte), 115 failed receives, written 103 (104 byte), dropped 1,230 (foreign source 106, foreign prefix 118, empty 107, truncated 108, ' +
  'short frame 119, not IP 109, congestion 117, interface down 110, no buffers 111, rejected 112, closing 113); path MTU 1400, inside 1372, reported by 192.0.2.254'
/** The counters of the fake do not change. */
const RATES = 'stats: out    0 p/s     0 bit/s   in    0 p/s     0 bit/s   drop    0 /s  mtu 1372'
const SUMMARY = new RegExp(`^summary: [\\d.]+ s: ${STATS.replaceAll(/[().]/gu, '\\$&')}\\n$`, 'u')
const FAILURE = {
  code: 'ERR_TUN_DEVICE_DELETED',
  message: 'read from tun0: File descriptor in bad state; the interface was deleted',
  errno: 77,
}
const EVENT = { kind: 'gso-off', message: 'the kernel refuses UDP_SEGMENT' }

const start = (args: string[], behaviour: Behaviour = {}, env: Record<string, string> = {}) =>
  startProgram([...OPERANDS, ...args], { env: { ...fakeEnvironment(behaviour), ...env } })
const parse = (stdout: string) =>
  stdout
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as Record<string, unknown>)

for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  test(`${signal} ends it with status 0, the ready line on stdout and the summary on stderr`, async (t) => {
    const program = start([])
    await program.until('stdout', /\n/u)
    const { status, stdout, stderr } = await program.end(signal)
    t.is(status, 0)
    t.is(stdout, READY)
    t.regex(stderr, SUMMARY)
  })

  test(`${signal} during the start ends it with status 0 and in silence`, async (t) => {
    const program = start([], { startAwaitsSignal: true, events: [EVENT] })
    await program.until('stderr', /UDP_SEGMENT/u)
    t.deepEqual(await program.end(signal), {
      status: 0,
      signal: null,
      stdout: '',
      stderr: `tun2udp: ${EVENT.message}\n`,
    })
  })
}

test('the mode tap is in the ready line, and an address only if there is one', async (t) => {
  for (const [address, words] of [
    ['none', 'mode tap'],
    ['10.0.0.1/24', 'mode tap 10.0.0.1/24'],
  ] as const) {
    const env = fakeEnvironment({})
    const program = startProgram([address, '5001', '5002', '--mode', 'tap'], { env })
    await program.until('stdout', /\n/u)
    const { stdout } = await program.end('SIGTERM')
    t.is(stdout, READY.replace('10.0.0.1/24', words))
  }
})

test('SIGHUP is ignored with a notice', async (t) => {
  const program = start([])
  await program.until('stdout', /\n/u)
  const notice = 'tun2udp: SIGHUP is ignored: there is no configuration file to read again\n'
  program.child.kill('SIGHUP')
  await program.until('stderr', /again\n/u)
  program.child.kill('SIGHUP')
  await program.until('stderr', /again\n[^]*again\n/u)
  const { status, stderr } = await program.end('SIGTERM')
  t.is(status, 0)
  t.true(stderr.startsWith(notice + notice))
})

test('more signals than one do not break off the end', async (t) => {
  const program = start([])
  await program.until('stdout', /\n/u)
  for (let count = 0; count < 5; count++) program.child.kill('SIGINT')
  const { status, stderr } = await program.end('SIGTERM')
  t.is(status, 0)
  t.regex(stderr, SUMMARY)
})

test('addresses and ends over IPv6 are told in brackets', async (t) => {
  const program = start([
    '--peer',
    '::1',
    '--listen',
    '::',
    '--address',
    'fd00::1/64',
    '--mtu',
    '1400',
    '--name',
    'vpn0',
  ])
  await program.until('stdout', /\n/u)
  const { stdout } = await program.end()
  t.is(stdout, 'ready: vpn0 10.0.0.1/24 fd00::1/64 mtu 1400, UDP [::]:5002 to [::1]:5001\n')
})

test('the ready line contains the number of source ports if there are several', async (t) => {
  const program = start(['--source-ports', '4'])
  await program.until('stdout', /\n/u)
  const { stdout } = await program.end()
  t.is(stdout, READY.replace(/\n$/u, ', 4 source ports\n'))
})

test('a start that fails is one line and status 1', async (t) => {
  const program = start([], {
    startError: {
      code: 'ERR_TUN_BUSY',
      message: 'open the device tun0: Device or resource busy; see who',
      errno: 16,
    },
  })
  t.deepEqual(await program.ended, {
    status: 1,
    signal: null,
    stdout: '',
    stderr: 'tun2udp: open the device tun0: Device or resource busy; see who\n',
  })
})

test('a relay that fails: the reason, the summary, status 1', async (t) => {
  const { status, stdout, stderr } = await start([], { failure: FAILURE, failAfterMs: 100 }).ended
  t.is(status, 1)
  t.is(stdout, READY)
  const [reason, ...rest] = stderr.split('\n')
  t.is(reason, `tun2udp: ${FAILURE.message}`)
  t.regex(rest.join('\n'), SUMMARY)
})

test('--quiet leaves the reason only', async (t) => {
  const program = start(['--quiet'], { failure: FAILURE, failAfterMs: 50, events: [EVENT] })
  t.deepEqual(await program.ended, {
    status: 1,
    signal: null,
    stdout: '',
    stderr: `tun2udp: ${FAILURE.message}\n`,
  })
})

test('a defect is one line, not a stack', async (t) => {
  const { status, stdout, stderr } = await start([], { startError: 'panic: a\nb' }).ended
  t.is(status, 1)
  t.is(stdout, '')
  t.is(stderr, 'tun2udp: native layer: panic: a b; this is a defect, please report it\n')
})

test('SIGUSR2 gives the counters on stderr, also with --quiet', async (t) => {
  const program = start(['--quiet', '--stats', '0.1'])
  await program.until('stdout', /\n/u)
  program.child.kill('SIGUSR2')
  await program.until('stderr', /\n/u)
  const { status, stderr } = await program.end()
  t.is(status, 0)
  t.is(stderr, `stats: ${STATS}\n`)
})

test('--stats gives the rates on stdout again and again, also with --quiet', async (t) => {
  const program = start(['--stats', '0.1', '--quiet'])
  await program.until('stdout', /\n[^\n]*\n/u)
  const { stdout, stderr } = await program.end()
  for (const line of stdout.trimEnd().split('\n')) t.is(line, RATES)
  t.is(stderr, '')
})

/** Runs a command on a terminal of its own, and copies its output. The command ends with this process. */
const ON_TERMINAL = `
import ctypes, os, pty, sys
pid, terminal = pty.fork()
if pid == 0:
    ctypes.CDLL(None).prctl(1, 9)
    os.execvp(sys.argv[1], sys.argv[1:])
while True:
    os.write(1, os.read(terminal, 4096))`

test('--stats has colors on a terminal only, and not with NO_COLOR', async (t) => {
  if (!hasTools(t, 'python3')) return
  for (const [env, expected] of [
    [{ NO_COLOR: '', TERM: 'xterm' }, /drop {4}0 \/s {2}.\[33mmtu 1372.\[0m\r?\n/u],
    [{ NO_COLOR: '1', TERM: 'xterm' }, /drop {4}0 \/s {2}mtu 1372\r?\n/u],
    [{ NO_COLOR: '', TERM: 'dumb' }, /drop {4}0 \/s {2}mtu 1372\r?\n/u],
  ] as const) {
    const command = [process.execPath, PROGRAM, ...OPERANDS, '--stats', '0.1']
    const child = spawn('python3', ['-c', ON_TERMINAL, ...command], {
      env: cleanEnvironment({ ...fakeEnvironment(), ...env }),
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    const running = new Running(child)
    await running.until('stdout', expected)
    t.is(running.stdout.includes('\u001B'), env.NO_COLOR === '' && env.TERM !== 'dumb')
    await running.end('SIGKILL')
  }
})

test('--json gives every event as one object a line on stdout, and nothing on stderr', async (t) => {
  const program = start(['--json'], { events: [EVENT] })
  await program.until('stdout', /"ready"/u)
  program.child.kill('SIGUSR2')
  await program.until('stdout', /"stats"/u)
  const { status, stdout, stderr } = await program.end()
  t.is(status, 0)
  t.is(stderr, '')
  const [notice, ready, stats, summary, ...rest] = parse(stdout)
  t.deepEqual(notice, { event: 'notice', ...EVENT })
  t.deepEqual(ready, {
    event: 'ready',
    mode: 'tun',
    interface: { name: 'tun0', ifIndex: 7, mtu: 1500, addresses: ['10.0.0.1/24'] },
    local: { address: '127.0.0.1', port: 5002 },
    peer: { address: '127.0.0.1', port: 5001 },
    buffers: { receiveBytes: 425_984, sendBytes: 212_992 },
    queues: 2,
    sourcePorts: 1,
  })
  t.like(stats, { event: 'stats', outbound: FAKE_STATS.outbound })
  t.deepEqual(stats?.['pathMtu'], FAKE_STATS.pathMtu)
  t.like(summary, { event: 'summary', outbound: FAKE_STATS.outbound })
  t.true(Number.isInteger(stats?.['uptimeMs']))
  t.deepEqual(Object.keys(summary ?? {}), [
    ...['event', 'uptimeMs', 'offload', 'pathMtu', 'outbound', 'inbound'],
  ])
  t.deepEqual(rest, [])
})

test('--json --stats repeats them', async (t) => {
  const program = start(['--json', '--stats', '0.1'])
  await program.until('stdout', /"stats".*\n.*"stats"/u)
  const { stdout } = await program.end()
  const events = parse(stdout).map(({ event }) => event)
  t.is(events[0], 'ready')
  t.is(events.at(-1), 'summary')
  t.true(events.slice(1, -1).every((event) => event === 'stats'))
})

test('--json: an error is on stderr all the same', async (t) => {
  const { status, stdout, stderr } = await start(['--json'], { failure: FAILURE, failAfterMs: 50 })
    .ended
  t.is(status, 1)
  t.is(stderr, `tun2udp: ${FAILURE.message}\n`)
  t.deepEqual(
    parse(stdout).map(({ event }) => event),
    ['ready', 'summary'],
  )
})

test('a reader of stdout that goes away does not end it', async (t) => {
  const program = start(['--stats', '0.1'])
  await program.until('stdout', /stats/u)
  program.child.stdout?.destroy()
  await new Promise((resolve) => setTimeout(resolve, 400))
  t.is(program.child.exitCode, null)
  t.is(program.child.signalCode, null)
  const { status, stderr } = await program.end()
  t.is(status, 0)
  t.regex(stderr, SUMMARY)
})

test('a reader of stderr that goes away does not end it', async (t) => {
  const program = start([])
  await program.until('stdout', /ready/u)
  program.child.stderr?.destroy()
  program.child.kill('SIGUSR2')
  await new Promise((resolve) => setTimeout(resolve, 200))
  program.child.kill('SIGUSR2')
  t.is((await program.end()).status, 0)
})

test('a reader of stdout that does not read does not hold it', async (t) => {
  const program = start(['--json', '--stats', '0.1'])
  await program.until('stdout', /ready/u)
  program.child.stdout?.pause()
  // Faster than --stats permits: 64 KiB of pipe are full after some hundred lines.
  for (let count = 0; count < 400; count++) {
    program.child.kill('SIGUSR2')
    await new Promise((resolve) => setTimeout(resolve, 1))
  }
  const exited = new Promise((resolve) => program.child.once('exit', resolve))
  program.child.kill('SIGTERM')
  t.is(await exited, 0)
  program.child.stdout?.resume()
  await program.ended
})

test('the service manager is told when it asks', async (t) => {
  const program = start(['--quiet'], {}, { NOTIFY_SOCKET: '/no/matter' })
  await program.until('stderr', /READY/u)
  const { status, stderr } = await program.end()
  t.is(status, 0)
  t.is(stderr, 'sd_notify READY=1\nsd_notify STOPPING=1\n')
})

test('a service manager that cannot be notified is a notice only', async (t) => {
  const program = start([], {}, { NOTIFY_SOCKET: '/x', FAKE_NOTIFY: 'fail' })
  await program.until('stderr', /notify/u)
  const { status, stderr } = await program.end()
  t.is(status, 0)
  t.true(
    stderr.startsWith('tun2udp: notify the service manager at /x: Connection refused\n'),
    stderr,
  )
})
