import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type ExecutionContext } from 'ava'
import { type Namespace, withNamespace } from '../support/namespace.ts'
import { type Running, cleanEnvironment, runProgram, startProgram } from '../support/program.ts'
import { rootTest as test } from '../support/skip.ts'

/** The peer's port: nobody listens there, and each namespace has its own. */
const OPERANDS = ['10.9.0.1/24', '5001', '0']
const READY =
  /^ready: (\S+) 10\.9\.0\.1\/24 mtu 1500, UDP 127\.0\.0\.1:(\d+) to 127\.0\.0\.1:5001\n$/u

/** Starts the program in the namespace; it ends with the test, whatever happens. */
function start(
  t: ExecutionContext,
  { name }: Namespace,
  args: string[],
  env?: Record<string, string>,
): Running {
  const program = startProgram(args, { netns: name, env })
  t.teardown(async () => {
    await program.end('SIGKILL')
  })
  return program
}

/** Names of the interfaces of a namespace. */
async function links(namespace: Namespace): Promise<string[]> {
  const list = JSON.parse(await namespace.run('ip', '-j', 'link')) as { ifname: string }[]
  return list.map(({ ifname }) => ifname)
}

test('the ready line tells the interface and the port that the kernel chose', async (t) => {
  const namespace = await withNamespace(t)
  const before = await links(namespace)
  const program = start(t, namespace, OPERANDS)
  const [, name = '', port = ''] = await program.until('stdout', READY)
  t.true(Number(port) > 0)
  const [link] = JSON.parse(await namespace.run('ip', '-j', 'addr', 'show', 'dev', name)) as {
    mtu: number
    flags: string[]
    addr_info: { local: string; prefixlen: number }[]
  }[]
  t.is(link?.mtu, 1500)
  t.true(link?.flags.includes('UP'))
  t.like(link?.addr_info, [{ local: '10.9.0.1', prefixlen: 24 }])
  t.is(link?.addr_info.length, 1)
  t.regex(await namespace.run('ss', '-Huln'), new RegExp(`127\\.0\\.0\\.1:${port} `, 'u'))
  const { status, stdout, stderr } = await program.end()
  t.is(status, 0)
  t.regex(stdout, READY)
  t.regex(stderr, /^summary: /u)
  t.deepEqual(await links(namespace), before)
  t.is(await namespace.run('ss', '-Huln'), '')
})

test('every option that shapes the interface', async (t) => {
  const namespace = await withNamespace(t)
  const program = start(t, namespace, [
    'fd09::1/64',
    '5001',
    '0',
    '--name',
    'vpn%d',
    '--mtu',
    '1400',
    '--address',
    '10.9.0.1/24',
    '--address',
    '10.9.1.1',
    '--route',
    '10.10.0.0/16',
    '--route',
    'fd10::/16',
    '--peer',
    '::1',
    '--accept',
    'any',
    '--json',
  ])
  await program.until('stdout', /\n/u)
  const ready = JSON.parse(program.stdout) as Record<
    string,
    { name: string; mtu: number; addresses: string[]; address: string; port: number }
  >
  t.like(ready['interface'], { name: 'vpn0', mtu: 1400 })
  t.deepEqual(ready['interface']?.addresses, ['fd09::1/64', '10.9.0.1/24', '10.9.1.1/32'])
  t.deepEqual(ready['peer'] as unknown, { address: '::1', port: 5001 })
  t.is(ready['local']?.address, '::1')
  t.regex(await namespace.run('ip', 'route'), /^10\.10\.0\.0\/16 dev vpn0 /mu)
  t.regex(await namespace.run('ip', '-6', 'route'), /^fd10::\/16 dev vpn0 /mu)
  t.regex(
    await namespace.run('ip', '-br', 'addr', 'show', 'dev', 'vpn0'),
    /10\.9\.0\.1\/24 10\.9\.1\.1\/32 fd09::1\/64/u,
  )
  t.is((await program.end()).status, 0)
  t.is(await namespace.run('ip', 'route'), '')
})

for (const signal of ['SIGINT', 'SIGTERM', 'SIGKILL'] as const) {
  test(`${signal} leaves nothing behind`, async (t) => {
    const namespace = await withNamespace(t)
    const before = await links(namespace)
    const program = start(t, namespace, OPERANDS)
    await program.until('stdout', READY)
    const { status } = await program.end(signal)
    t.is(status, signal === 'SIGKILL' ? null : 0)
    t.deepEqual(await links(namespace), before)
  })
}

test('SIGUSR2 counts what passed, and that nobody was there', async (t) => {
  const namespace = await withNamespace(t)
  const program = start(t, namespace, OPERANDS)
  await program.until('stdout', READY)
  await sendPacket(namespace)
  await sendPacket(namespace)
  program.child.kill('SIGUSR2')
  const [, read, sent, refused] = await program.until(
    'stderr',
    /^stats: out (\d+) \(168 byte\), sent (\d+) \(168 byte\), (\d+) refused by the peer; in 0 /u,
  )
  t.deepEqual([read, sent, refused], ['2', '2', '2'])
  t.is((await program.end()).status, 0)
})

test('a deleted interface ends it with the reason and status 1', async (t) => {
  const namespace = await withNamespace(t)
  const program = start(t, namespace, OPERANDS)
  const [, name = ''] = await program.until('stdout', READY)
  await namespace.run('ip', 'link', 'delete', name)
  const { status, stderr } = await program.ended
  t.is(status, 1)
  t.regex(
    stderr,
    new RegExp(
      `^tun2udp: [^\\n]*${name}: File descriptor in bad state; [^\\n]*deleted[^\\n]*\\nsummary: [^\\n]*\\n$`,
      'u',
    ),
  )
})

test('a taken port is told with its address', async (t) => {
  const namespace = await withNamespace(t)
  const before = await links(namespace)
  const first = start(t, namespace, OPERANDS)
  const [, , port = ''] = await first.until('stdout', READY)
  const held = await links(namespace)
  const { status, stdout, stderr } = await runProgram(['10.9.1.1', '5001', port], {
    netns: namespace.name,
  })
  t.is(status, 1)
  t.is(stdout, '')
  t.regex(
    stderr,
    new RegExp(
      `^tun2udp: [^\\n]*127\\.0\\.0\\.1:${port}: Address already in use; [^\\n]+\\n$`,
      'u',
    ),
  )
  t.deepEqual(await links(namespace), held)
  await first.end()
  t.deepEqual(await links(namespace), before)
})

test('a busy interface is told with its holder', async (t) => {
  const namespace = await withNamespace(t)
  const first = start(t, namespace, [...OPERANDS, '--name', 'vpn7'])
  await first.until('stdout', READY)
  const { status, stderr } = await runProgram([...OPERANDS, '--name', 'vpn7'], {
    netns: namespace.name,
  })
  t.is(status, 1)
  t.regex(
    stderr,
    new RegExp(
      `^tun2udp: [^\\n]*vpn7: Device or resource busy; [^\\n]*\\b${first.child.pid}\\b[^\\n]*\\n$`,
      'u',
    ),
  )
})

/** What the system refuses, as options, and the line that tells of it. */
const failing: [string, string[], RegExp][] = [
  [
    'a namespace that is not there',
    ['--netns', 'no-such'],
    /^tun2udp: [^\n]*no-such: No such file or directory; [^\n]*ip netns list[^\n]*\n$/u,
  ],
  [
    'a process that is not there',
    ['--netns', '4194304'],
    /^tun2udp: [^\n]*4194304[^\n]*: No such file or directory; [^\n]+\n$/u,
  ],
  [
    'a file that is no namespace',
    ['--netns', '/etc/passwd'],
    /^tun2udp: [^\n]*\/etc\/passwd: Invalid argument; [^\n]+\n$/u,
  ],
  [
    'a user that is not there',
    ['--user', 'no-such'],
    /^tun2udp: look up the user "no-such": there is no such user; [^\n]+\n$/u,
  ],
  [
    'a group that is not there',
    ['--user', 'nobody:no-such'],
    /^tun2udp: look up the group "no-such": there is no such group; [^\n]+\n$/u,
  ],
  [
    'a local address of another machine',
    ['--listen', '192.0.2.1'],
    /^tun2udp: [^\n]*192\.0\.2\.1:0: Cannot assign requested address; [^\n]+\n$/u,
  ],
  [
    'an MTU that no datagram holds',
    ['--mtu', '65508'],
    /^tun2udp: [^\n]*65508: [^\n]*at most 65507 bytes; [^\n]+\n$/u,
  ],
  [
    'an MTU too small for IPv6',
    ['--address', 'fd09::1/64', '--mtu', '1279'],
    /^tun2udp: [^\n]*1279: IPv6 needs at least 1280 bytes; [^\n]+\n$/u,
  ],
  [
    'an address given twice',
    ['--address', '10.9.0.1/24'],
    /^tun2udp: [^\n]*10\.9\.0\.1\/24: it is given twice[^\n]*\n$/u,
  ],
  ['an interface of another kind', ['--name', 'lo'], /^tun2udp: [^\n]*lo: [^\n]+\n$/u],
  [
    'a link-local peer behind no interface',
    ['--peer', 'fe80::1%no-such'],
    /^tun2udp: find the interface of the peer fe80::1%no-such: No such device; [^\n]+\n$/u,
  ],
]

for (const [what, args, line] of failing) {
  test(`${what} is one line with status 1, and nothing stays`, async (t) => {
    const namespace = await withNamespace(t)
    const before = await links(namespace)
    const { status, stdout, stderr } = await runProgram([...OPERANDS, ...args], {
      netns: namespace.name,
    })
    t.is(status, 1)
    t.is(stdout, '')
    t.regex(stderr, line)
    t.deepEqual(await links(namespace), before)
  })
}

test('without the capability it says which, and what to do', async (t) => {
  const namespace = await withNamespace(t)
  const child = spawn(
    'ip',
    [
      'netns',
      'exec',
      namespace.name,
      'setpriv',
      '--bounding-set',
      '-net_admin',
      '--inh-caps',
      '-net_admin',
      process.execPath,
      ...programArgs(OPERANDS),
    ],
    { env: cleanEnvironment(), stdio: ['ignore', 'ignore', 'pipe'] },
  )
  const stderr = await text(child.stderr)
  t.regex(
    stderr,
    /^tun2udp: [^\n]*Operation not permitted[^\n]*; [^\n]*(?:CAP_NET_ADMIN|root)[^\n]*\n$/u,
  )
})

test('the interface in another namespace, by its name and by a process', async (t) => {
  const outside = await withNamespace(t)
  const inside = await withNamespace(t)
  const sleeper = spawn('ip', ['netns', 'exec', inside.name, 'sleep', '60'], { stdio: 'ignore' })
  t.teardown(() => sleeper.kill())
  await once(sleeper, 'spawn')
  // `ip` becomes `sleep` when it is in its namespace.
  for (let comm = ''; comm.trim() !== 'sleep';) {
    comm = await readFile(`/proc/${sleeper.pid}/comm`, 'utf8')
    await new Promise((resolve) => setTimeout(resolve, 10))
  }
  for (const netns of [inside.name, `/run/netns/${inside.name}`, String(sleeper.pid)]) {
    const before = await links(inside)
    const program = start(t, outside, [...OPERANDS, '--netns', netns, '--name', 'vpn0'])
    const [, , port = ''] = await program.until('stdout', READY)
    t.true((await links(inside)).includes('vpn0'), netns)
    t.false((await links(outside)).includes('vpn0'), netns)
    t.regex(await outside.run('ss', '-Huln'), new RegExp(`:${port} `, 'u'))
    t.is((await program.end()).status, 0)
    t.deepEqual(await links(inside), before)
  }
})

test('--user drops root and every capability, and packets flow on', async (t) => {
  const namespace = await withNamespace(t)
  const before = await links(namespace)
  const program = start(t, namespace, [...OPERANDS, '--user', 'nobody:nogroup'])
  await program.until('stdout', READY)
  const status = await readFile(`/proc/${program.child.pid}/status`, 'utf8')
  const field = (name: string) => new RegExp(`^${name}:[ \\t]*(.*)$`, 'mu').exec(status)?.[1]
  t.is(field('Uid'), '65534\t65534\t65534\t65534')
  t.is(field('Gid'), '65534\t65534\t65534\t65534')
  t.is(field('Groups')?.trim(), '')
  for (const set of ['CapInh', 'CapPrm', 'CapEff', 'CapAmb'])
    t.is(field(set), '0000000000000000', set)
  await sendPacket(namespace)
  program.child.kill('SIGUSR2')
  await program.until('stderr', /^stats: out 1 \(84 byte\), sent 1 /u)
  t.is((await program.end()).status, 0)
  t.deepEqual(await links(namespace), before)
})

test('--user with an interface that was there before is refused with the reason', async (t) => {
  const namespace = await withNamespace(t)
  await namespace.run('ip', 'tuntap', 'add', 'dev', 'old0', 'mode', 'tun')
  const { status, stderr } = await runProgram([...OPERANDS, '--name', 'old0', '--user', 'nobody'], {
    netns: namespace.name,
  })
  t.is(status, 1)
  t.regex(stderr, /^tun2udp: [^\n]*old0: [^\n]*was there before[^\n]*; [^\n]*--user[^\n]*\n$/u)
  t.true((await links(namespace)).includes('old0'))
})

test('an interface that was there before stays as it was', async (t) => {
  const namespace = await withNamespace(t)
  await namespace.run('ip', 'tuntap', 'add', 'dev', 'old0', 'mode', 'tun')
  await namespace.run('ip', 'addr', 'add', '10.8.0.1/24', 'dev', 'old0')
  const show = async () => namespace.run('ip', '-br', 'addr', 'show', 'dev', 'old0')
  const before = await show()
  const program = start(t, namespace, [...OPERANDS, '--name', 'old0', '--route', '10.10.0.0/16'])
  await program.until('stdout', READY)
  t.regex(await show(), /10\.8\.0\.1\/24 10\.9\.0\.1\/24/u)
  t.is((await program.end()).status, 0)
  t.is(await show(), before)
  t.is(await namespace.run('ip', 'route'), '')
})

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

test('under npm it does not outlive its parent', async (t) => {
  const namespace = await withNamespace(t)
  const before = await links(namespace)
  // A shell in npm's place, which is killed as no signal handler can see.
  const shell = spawn(
    'sh',
    [
      '-c',
      '"$@" & echo $!; wait',
      'sh',
      'ip',
      'netns',
      'exec',
      namespace.name,
      process.execPath,
      ...programArgs(OPERANDS),
    ],
    {
      env: cleanEnvironment({ npm_lifecycle_event: 'start' }),
      stdio: ['ignore', 'pipe', 'ignore'],
    },
  )
  const said = text(shell.stdout)
  let stdout = ''
  shell.stdout.on('data', (data: string) => (stdout += data))
  while (!stdout.includes('ready')) await new Promise((resolve) => setTimeout(resolve, 20))
  const pid = Number(stdout.split('\n', 1)[0])
  t.teardown(() => {
    try {
      process.kill(pid, 'SIGKILL')
    } catch {
      // It is gone, as it should be.
    }
  })
  shell.kill('SIGKILL')
  // The pipe ends with its last writer: the program.
  await said
  t.deepEqual(await links(namespace), before)
})

/** Sends 84 bytes into the interface: 20 of IP, 8 of UDP, 56 of payload. */
async function sendPacket(namespace: Namespace): Promise<void> {
  const script =
    "const s = require('dgram').createSocket('udp4'); s.send(Buffer.alloc(56), 9, '10.9.0.2', () => s.close())"
  await namespace.run(process.execPath, '-e', script)
}

function programArgs(operands: string[]): string[] {
  return [new URL('../../dist/bin/tun2udp.js', import.meta.url).pathname, ...operands]
}

async function text(stream: NodeJS.ReadableStream): Promise<string> {
  stream.setEncoding('utf8')
  let all = ''
  stream.on('data', (data: string) => (all += data))
  await once(stream, 'end')
  return all
}
