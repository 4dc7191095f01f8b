import { mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { ExecutionContext } from 'ava'
import type { RelayOptions, RelayPeer, TestHost } from '../../../index.ts'
import {
  PORT,
  SPOKES,
  type Spoke,
  assertAllPings,
  hubNetwork,
  pings,
  spokePeer,
  startStream,
} from '../../support/hub.ts'
import { PROGRAM, Running, cleanEnvironment } from '../../support/program.ts'
import { hasTools, isOpenToOthers, rootTest as test } from '../../support/skip.ts'

const TIMEOUT_MS = 90_000

/** Writes a configuration file in one step, as an editor does, with a comment. */
type Write = (options: object | string) => void

function configFile(t: ExecutionContext): { file: string; write: Write } {
  const folder = mkdtempSync(join(tmpdir(), 'tun2udp-config-'))
  t.teardown(() => {
    rmSync(folder, { recursive: true })
  })
  const file = join(folder, 'tunnel.jsonc')
  const write: Write = (options) => {
    const text = typeof options === 'string' ? options : JSON.stringify(options, undefined, 2)
    writeFileSync(`${file}.new`, `// A tunnel.\n${text}\n`)
    renameSync(`${file}.new`, file)
  }
  return { file, write }
}

/** Starts the program in a host; it ends with the test. */
function start(t: ExecutionContext, host: TestHost, ...args: string[]): Running {
  const child = host.spawn(process.execPath, [PROGRAM, ...args], {
    env: cleanEnvironment(),
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const running = new Running(child, TIMEOUT_MS)
  t.teardown(() => running.end('SIGKILL'))
  return running
}

const hubOptions = (...peers: RelayPeer[]): RelayOptions => ({
  addresses: ['10.9.0.1/24'],
  name: 'vpn0',
  receivePort: PORT,
  peers,
})

/** Starts a hub and its spokes, each with a file. */
async function build(t: ExecutionContext, options: RelayOptions, ...args: string[]) {
  const { hosts } = await hubNetwork(t)
  const { file, write } = configFile(t)
  write(options)
  const hub = start(t, hosts.hub, '--config', file, ...args)
  const spokes = (Object.keys(SPOKES) as Spoke[]).map(async (name) => {
    const own = configFile(t)
    own.write({
      addresses: [`10.9.0.${SPOKES[name]}/24`],
      receivePort: PORT,
      peers: [{ endpoint: `192.0.2.1:${PORT}` }],
    })
    await start(t, hosts[name], '--config', own.file).until('stdout', /^ready: /mu)
  })
  await Promise.all([hub.until('stdout', /^(?:ready: |\{"event":"ready")/mu), ...spokes])
  const reload = async (expected: RegExp) => {
    hub.stderr = ''
    hub.child.kill('SIGHUP')
    await hub.until('stderr', expected)
  }
  return { hosts, hub, write, reload, file }
}

test('a hub and three spokes with files reach each other, and reloads lose no packet', async (t) => {
  if (!hasTools(t, 'ping')) return
  const { hosts, hub, write, reload, file } = await build(
    t,
    hubOptions(spokePeer('a'), spokePeer('b'), spokePeer('c')),
  )
  const addresses = { hub: '10.9.0.1', a: '10.9.0.2', b: '10.9.0.3', c: '10.9.0.4' }
  await assertAllPings(t, hosts, addresses)
  const again = `tun2udp: read ${file} again: `
  await reload(new RegExp(`^${again}no change\n`, 'u'))
  const stream = await startStream(hosts.a, hosts.b, addresses.b)
  for (let round = 0; round < 5; round++) {
    write(hubOptions(spokePeer('a'), spokePeer('b')))
    await reload(new RegExp(`^${again}peers removed c\n`, 'u'))
    if (round === 0) t.false(await pings(hosts.hub, addresses.c, 1))
    write(hubOptions(spokePeer('c'), spokePeer('b'), spokePeer('a')))
    await reload(new RegExp(`^${again}peers added c\n`, 'u'))
  }
  await reload(new RegExp(`^${again}no change\n`, 'u'))
  t.true(await pings(hosts.a, addresses.c))
  const { sent, received } = await stream.stop()
  t.true(sent > 50)
  t.is(received, sent)
  const { status, stdout } = await hub.end()
  t.is(status, 0)
  t.regex(stdout, /^ready: vpn0 10\.9\.0\.1\/24 /u)
})

test('a wrong file, and one that changes other options, is refused with its line', async (t) => {
  if (!hasTools(t, 'ping')) return
  const options = hubOptions(spokePeer('a'), spokePeer('b'))
  const { hosts, hub, write, reload, file } = await build(t, options, '--mtu', '1300')
  const failed = (rest: string) =>
    new RegExp(`^tun2udp: ${file}:${rest}; the relay stays as it is\n`, 'u')
  write('{ "addresses": [')
  await reload(failed(String.raw`\d+:\d+: expected .*`))
  write({ ...options, peers: [spokePeer('a'), spokePeer('a')] })
  await reload(failed(String.raw`17:15: Invalid peers\[1\]\.name "a": .*`))
  write({ ...options, peers: [], queues: 1 })
  await reload(failed(String.raw`8:12: Invalid peers array: expected at least one peer`))
  write({ ...options, peers: [spokePeer('c')], receivePort: 5002 })
  await reload(
    failed(
      '7:18: Invalid receivePort 5002: expected 5001 as at the start; start the relay again to change it',
    ),
  )
  // That of the command line replaces it.
  write({ ...options, mtu: 1400 })
  await reload(/again: no change\n/u)
  rmSync(file)
  await reload(
    new RegExp(
      `^tun2udp: read the configuration file ${file}: there is no such file.*; the relay stays`,
      'u',
    ),
  )
  write(options)
  t.true(await pings(hosts.a, '10.9.0.3'))
  const { stdout } = await hosts.hub.run('ip', ['link', 'show', 'vpn0'])
  t.regex(stdout, / mtu 1300 /u)
  await hub.end()
})

test('a wrong option of the command line has no place, and one of the file has', async (t) => {
  const { hosts } = await hubNetwork(t)
  const { file, write } = configFile(t)
  const base = {
    addresses: ['10.9.0.1/24'],
    receivePort: PORT,
    peers: [{ endpoint: `192.0.2.2:${PORT}` }],
  }
  const wrong: [rest: object, args: string[], error: string][] = [
    [{}, ['--user', 'a b'], 'Invalid user "a b": expected the name or the number of a user'],
    [{}, ['--user', 'root:a b'], 'Invalid group "a b": expected the name or the number of a group'],
    [{}, ['--ipv6'], 'Invalid peer "192.0.2.2": expected an IPv6 address, as family says'],
    [{}, ['--mtu', '14'], 'Invalid MTU 14: expected a whole number of bytes from 68 to 65535'],
    [
      { family: 6 },
      [],
      `${file}:12:13: Invalid peer "192.0.2.2": expected an IPv6 address, as family says`,
    ],
    [{ signal: {} }, [], `${file}:12:13: Invalid signal object: expected an AbortSignal`],
  ]
  for (const [rest, args, error] of wrong) {
    write({ ...base, ...rest })
    const { status, stdout, stderr } = await start(t, hosts.hub, '--config', file, ...args).ended
    t.is(stderr.replace('; see `tun2udp --help`', ''), `tun2udp: ${error}\n`)
    t.deepEqual([status, stdout], [2, ''])
  }
})

test('the notices of a reload are events too', async (t) => {
  const options = hubOptions(spokePeer('a'), spokePeer('b'))
  const { hub, write, file } = await build(t, options, '--json')
  const notice = async (kind: string, message: RegExp) => {
    hub.child.kill('SIGHUP')
    const [line = ''] = await hub.until('stdout', new RegExp(`^.*"kind":"${kind}".*$`, 'mu'))
    t.regex((JSON.parse(line) as { message: string }).message, message)
  }
  write(hubOptions({ ...spokePeer('a'), keepaliveSeconds: 25 }, spokePeer('c')))
  await notice('reload', /: peers added c; changed a; removed b$/u)
  write('{')
  await notice('reload-failed', new RegExp(`^${file}:3:1: `, 'u'))
})

test('a process that dropped its privileges refuses changes of routes, and makes others', async (t) => {
  if (!hasTools(t, 'ping') || !isOpenToOthers(t)) return
  const options = { ...hubOptions(spokePeer('a'), spokePeer('b')), routes: true as const }
  const { hosts, hub, write, reload, file } = await build(t, options, '--user', 'nobody')
  await hosts.hub.run('chmod', ['755', join(file, '..')])
  write({ ...options, peers: [{ ...spokePeer('a'), keepaliveSeconds: 25 }, spokePeer('b')] })
  await reload(/again: peers changed a\n/u)
  write({ ...options, peers: [spokePeer('a'), spokePeer('c')] })
  await reload(/^tun2udp: .*cannot change the routes of peers: .*; the relay stays as it is\n/u)
  const { stdout } = await hosts.hub.run('ip', ['route', 'show', 'dev', 'vpn0'])
  t.true(stdout.includes('10.9.0.3') && !stdout.includes('10.9.0.4'), stdout)
  t.true(await pings(hosts.a, '10.9.0.3'))
  // A prefix that moves needs no route.
  const moved = [spokePeer('b'), { ...spokePeer('a'), allowedPrefixes: ['10.9.0.2/32'] }]
  write({ ...options, peers: moved })
  await reload(/again: peers changed a\n/u)
  await hub.end()
})
