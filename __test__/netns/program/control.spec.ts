import { chmodSync, chownSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Snapshot } from '../../../bin/tun2udp/control/snapshot.ts'
import { PEERS, startHub, startIn } from '../../support/controlled.ts'
import { descriptorsOf } from '../../support/descriptors.ts'
import { temporaryFolder } from '../../support/folder.ts'
import { eventually } from '../../support/gone.ts'
import { withNamespace } from '../../support/namespace.ts'
import { OPERANDS, links, sendPacket } from '../../support/netnsProgram.ts'
import { type Ended, runProgram } from '../../support/program.ts'
import { rootTest as test } from '../../support/skip.ts'

const NOBODY = 65_534

/** Runs a command in this namespace, without an addon: no client needs one. */
async function command(args: readonly string[], env: Record<string, string> = {}): Promise<Ended> {
  return runProgram(args, { env: { NAPI_RS_NATIVE_LIBRARY_PATH: '/no/such/addon.node', ...env } })
}

async function printed(...args: string[]): Promise<string> {
  const { status, stdout, stderr } = await command(args)
  if (status !== 0) throw new Error(`${args.join(' ')}: ${stderr}`)
  return stdout
}

test('show has the counters, the peers and the state of the interface, from another namespace', async (t) => {
  const namespace = await withNamespace(t)
  const { program, path } = await startHub(t, namespace)
  const take = async () => JSON.parse(await printed('show', path, '--json')) as Snapshot
  const before = await take()
  t.like(before, { pid: program.child.pid, info: { interface: { name: 'hub0' } } })
  t.notRegex(before.problems.join('\n'), /hub0.* down/u)
  t.like(before.interface, {
    name: 'hub0',
    isUp: true,
    mtu: 1500,
    operState: 'unknown',
    txQueueLength: 500,
    carrierChanges: 0,
    rxDropped: 0,
  })
  t.deepEqual(
    before.peers.map(({ name, allowedPrefixes }) => [name, allowedPrefixes]),
    PEERS.map(({ name, allowedPrefixes }) => [name, allowedPrefixes]),
  )
  await sendPacket(namespace)
  await eventually(t, async () => (await take()).peers[0]?.traffic?.datagramsSent, 1)
  const after = await take()
  t.is(after.peers[0]?.traffic?.bytesSent, 84)
  t.true(after.uptimeMs > before.uptimeMs)
  const table = await printed('show', path)
  t.regex(table, /^hub0: 10\.9\.0\.1\/24, up, mtu 1500, pid \d+, running for /u)
  t.regex(table, /^ {2}b +127\.0\.0\.1:5556 +10\.9\.0\.2\/32 +never +1 +84 byte +0 bit\/s +0 /mu)

  await namespace.run('ip', 'link', 'set', 'hub0', 'down', 'mtu', '1400')
  const down = await take()
  t.like(down.interface, { isUp: false, mtu: 1400, operState: 'down' })
  t.regex(down.problems.join('\n'), /hub0.* down/u)
  t.regex(
    await printed('show', path),
    /^hub0: .*, DOWN, mtu 1400,[^]*\n {2}problem: .*hub0.* down/u,
  )
})

test('reload prints what changed, or the place of the error', async (t) => {
  const { program, file, path, write } = await startHub(t, await withNamespace(t))
  t.is(await printed('reload', path), 'no change\n')
  const [b, c] = PEERS
  write([
    { ...b, keepaliveSeconds: 5 },
    { ...c, name: 'd' },
  ])
  t.is(await printed('reload', path), 'peers added d; changed b; removed c\n')
  await program.until('stderr', /again: peers added d; changed b; removed c\n/u)
  write([{ ...b, endpoint: '127.0.0.1' }])
  const wrong = await command(['reload', path])
  t.deepEqual([wrong.status, wrong.stdout], [2, ''])
  t.regex(wrong.stderr, new RegExp(`^tun2udp: ${file}:10:19: Invalid peers\\[0\\]\\.endpoint`, 'u'))
  writeFileSync(file, '{ "name": ')
  t.regex(
    (await command(['reload', path])).stderr,
    new RegExp(`^tun2udp: ${file}:1:\\d+: expected`, 'u'),
  )
  await program.until('stderr', /the relay stays as it is/u)
})

test('peers are listed, added, changed and removed', async (t) => {
  const { path } = await startHub(t, await withNamespace(t))
  const list = async () =>
    JSON.parse(await printed('peers', 'list', path, '--json')) as Snapshot['peers']
  t.is(
    await printed(
      ...['peers', 'add', path, '--name', 'd', '--endpoint', '127.0.0.1:5558'],
      ...['--endpoint', '127.0.0.1:5559', '--allow', '10.9.0.4/32', '--allow', '10.4.0.0/16'],
      ...['--keepalive', '7', '--follow-port', 'no'],
    ),
    'added d\n',
  )
  t.like((await list())[2], {
    name: 'd',
    endpoint: { address: '127.0.0.1', port: 5558 },
    allowedPrefixes: ['10.9.0.4/32', '10.4.0.0/16'],
    keepaliveSeconds: 7,
    followPort: false,
  })
  t.is(await printed('peers', 'set', path, '--name', 'd', '--follow-port', 'yes'), 'changed d\n')
  t.like((await list())[2], { keepaliveSeconds: 7, followPort: true })
  const unnamed = ['--endpoint', '127.0.0.1:5560', '--allow', '10.5.0.0/16']
  t.is(await printed('peers', 'add', path, ...unnamed), 'added 127.0.0.1:5560\n')
  const table = await printed('peers', 'list', path)
  t.regex(table, /^PEER +ENDPOINT +PREFIXES +KEEPALIVE +FOLLOW PORT +LAST HEARD$/mu)
  t.regex(table, /^d +127\.0\.0\.1:5558 +10\.9\.0\.4\/32 +7 s +yes +never$/mu)
  const both = ['--name', 'd', '--name', '127.0.0.1:5560']
  t.is(await printed('peers', 'remove', path, ...both), 'removed d, 127.0.0.1:5560\n')
  t.deepEqual(
    (await list()).map(({ name }) => name),
    ['b', 'c'],
  )

  const hint = (action: string) => `see \`tun2udp peers ${action} --help\``
  const refused: [string[], number, string][] = [
    [
      ['set', path, '--name', 'x', '--keepalive', '1'],
      1,
      'find the peer "x": there is none of this name; `tun2udp peers list` has the names',
    ],
    [
      ['remove', path, '--name', 'b', '--name', 'x'],
      1,
      'find the peer "x": there is none of this name; `tun2udp peers list` has the names',
    ],
    [
      ['add', path, '--name', 'x', '--endpoint', '127.0.0.1:5559'],
      2,
      `required option '--allow <cidr>' not specified; ${hint('add')}`,
    ],
    [
      ['add', path, '--name', 'b', '--endpoint', '127.0.0.1:1', '--allow', '10.7.0.0/16'],
      2,
      `Invalid peer.name "b": expected a name that no other peer has; the peer "b" has it too; ${hint('add')}`,
    ],
    [
      ['add', path, '--allow', '10.7.0.0/16'],
      2,
      `required option '--endpoint <host:port>' not specified; ${hint('add')}`,
    ],
    [['set', path, '--name', 'b'], 2, 'change the peer "b": expected an option to change'],
    [['set', path], 2, `required option '--name <name>' not specified; ${hint('set')}`],
    [
      ['set', path, '--name', 'b', '--keepalive', 'x'],
      2,
      `option '--keepalive <seconds>' argument 'x' is invalid: expected a whole number; ${hint('set')}`,
    ],
    [['set', path, '--name', 'b', '--follow-port', '1'], 2, 'expected yes, no or auto'],
    [['remove', path], 2, `required option '--name <name>' not specified; ${hint('remove')}`],
    [['list', path, path], 2, 'too many operands: expected at most 1'],
    [
      ['show'],
      2,
      'the action is unknown: "show"; expected one of list, add, set, remove; see `tun2udp peers --help`',
    ],
    [[], 2, 'the action is missing'],
  ]
  for (const [args, status, message] of refused) {
    const ended = await command(['peers', ...args])
    t.deepEqual([ended.status, ended.stdout], [status, ''], `${args.join(' ')}: ${ended.stderr}`)
    t.true(ended.stderr.startsWith('tun2udp: ') && ended.stderr.includes(message), ended.stderr)
    t.is(ended.stderr.split('\n').length, 2)
  }
  t.is((await list()).length, 2)
})

test('the peer of a relay with operands cannot change, and there is no file to read again', async (t) => {
  const namespace = await withNamespace(t)
  const path = join(temporaryFolder(t), 'a.sock')
  const program = startIn(t, namespace, [...OPERANDS, '--control', path])
  await program.until('stdout', /ready/u)
  const added = await command([
    'peers',
    'add',
    path,
    '--name',
    'x',
    '--endpoint',
    '127.0.0.1:1',
    '--allow',
    '10.0.0.0/8',
  ])
  t.is(added.status, 2)
  t.regex(added.stderr, /^tun2udp: change the peers: the relay was started for a single peer/u)
  t.like(await command(['reload', path]), {
    status: 1,
    stderr: 'tun2udp: reload: the relay has no configuration file; start it with --config\n',
  })
})

test('stop returns when the interface and the socket are removed', async (t) => {
  const namespace = await withNamespace(t)
  const before = await links(namespace)
  const { program, path } = await startHub(t, namespace)
  t.deepEqual(await links(namespace), [...before, 'hub0'])
  t.is(await printed('stop', path), `stopped ${path}\n`)
  t.deepEqual(await links(namespace), before)
  t.false(existsSync(path))
  t.like(await program.ended, { status: 0 })
  for (const args of [
    ['stop', path],
    ['show', path],
    ['reload', path],
  ]) {
    t.like(await command(args), {
      status: 1,
      stderr: `tun2udp: connect to ${path}: there is no such socket; is the relay running, with --control?\n`,
    })
  }
})

test('in a run-time folder relays have the names of their interfaces', async (t) => {
  const namespace = await withNamespace(t)
  const folder = temporaryFolder(t)
  const env = { RUNTIME_DIRECTORY: folder }
  const run = async (...args: string[]) => command(args, env)
  t.like(await run('show'), {
    status: 1,
    stderr: `tun2udp: find a relay: none has a socket in ${folder} or /run/tun2udp; give the path of --control, which contains a slash\n`,
  })
  const first = startIn(t, namespace, [...OPERANDS, '--name', 'one'], env)
  await first.until('stdout', /ready/u)
  t.like(await run('peers', 'list'), { status: 0 })
  const second = startIn(t, namespace, ['10.8.0.1/24', '5001', '0'], env)
  await second.until('stdout', /ready: tun0/u)
  t.true(existsSync(join(folder, 'one.sock')) && existsSync(join(folder, 'tun0.sock')))
  const shown = (await run('show', '--json')).stdout.trim().split('\n')
  t.deepEqual(
    shown.map((line) => (JSON.parse(line) as Snapshot).info.interface.name),
    ['one', 'tun0'],
  )
  t.like(await run('stop'), {
    status: 2,
    stderr: 'tun2udp: choose a relay: several are running: one, tun0; give the name of one\n',
  })
  t.like(await run('show', 'two'), {
    status: 1,
    stderr:
      'tun2udp: find the relay "two": there are one, tun0; give one of them, or a path, which contains a slash\n',
  })
  t.like(await run('stop', 'one'), { status: 0, stdout: 'stopped one\n' })
  // Another relay of this name, in another namespace, finds the path in use, and runs without a socket.
  const other = startIn(t, await withNamespace(t), [...OPERANDS, '--name', 'tun0'], env)
  await other.until('stdout', /ready/u)
  t.regex(
    other.stderr,
    /^tun2udp: listen for commands at .*\/tun0\.sock: another program uses it, .*; the relay runs without a control socket\n$/u,
  )
  // The socket of a killed process is not listed.
  await second.end('SIGKILL')
  t.true(existsSync(join(folder, 'tun0.sock')))
  t.like(await run('show', '--json'), { status: 1 })
  t.like(await run('show', 'tun0'), {
    status: 1,
    stderr: `tun2udp: connect to ${join(folder, 'tun0.sock')}: no process listens there; its relay has ended\n`,
  })
})

test('a run-time folder that others may write to, or that is of another user, is refused', async (t) => {
  const namespace = await withNamespace(t)
  const parent = temporaryFolder(t)
  const open = join(parent, 'open')
  const foreign = join(parent, 'foreign')
  const file = join(parent, 'file')
  mkdirSync(open)
  chmodSync(open, 0o775)
  mkdirSync(foreign)
  chownSync(foreign, NOBODY, NOBODY)
  writeFileSync(file, '')
  for (const [folder, reason] of [
    [open, `others may write to it; run \`chmod go-w ${open}\``],
    [foreign, `it belongs to the user ${NOBODY}; give another path with --control`],
    [file, 'not a folder; remove it'],
  ] as const) {
    const env = { RUNTIME_DIRECTORY: folder }
    const program = startIn(t, namespace, [...OPERANDS, '--name', 'one'], env)
    await program.until('stdout', /ready/u)
    const message = `tun2udp: use ${folder} for commands: ${reason}`
    t.is(program.stderr, `${message}; the relay runs without a control socket\n`)
    t.like(await command(['show'], env), { status: 1, stderr: `${message}\n` })
    await program.end('SIGTERM')
  }
})

test('the descriptors of many clients are closed, and packets flow during this time', async (t) => {
  const namespace = await withNamespace(t)
  const { program, path } = await startHub(t, namespace)
  const take = async () => JSON.parse(await printed('show', path, '--json')) as Snapshot
  t.is((await take()).peers[0]?.traffic?.datagramsSent, 0)
  const before = descriptorsOf(program.child.pid)
  await Promise.all([...Array.from({ length: 10 }, take), sendPacket(namespace)])
  await eventually(t, async () => (await take()).peers[0]?.traffic?.datagramsSent, 1)
  await eventually(t, () => descriptorsOf(program.child.pid), before)
})

test('without --control and a run-time folder there is no socket', async (t) => {
  const namespace = await withNamespace(t)
  const program = startIn(t, namespace, OPERANDS)
  await program.until('stdout', /ready/u)
  t.notRegex(readFileSync(`/proc/${program.child.pid ?? 0}/net/unix`, 'utf8'), /\.sock$/mu)
  t.is(program.stderr, '')
})
