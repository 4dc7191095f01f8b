import { withNamespace } from '../../support/namespace.ts'
import { OPERANDS, READY, links, start } from '../../support/netnsProgram.ts'
import { runProgram } from '../../support/program.ts'
import { rootTest as test } from '../../support/skip.ts'

test('the error for a taken port names the address', async (t) => {
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

test('the error for a busy interface names its holder', async (t) => {
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

/** Options that the system refuses, with the line that reports it. */
const failing: [string, string[], RegExp, status?: number][] = [
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
    2,
  ],
  [
    'an MTU too small for IPv6',
    ['--address', 'fd09::1/64', '--mtu', '1279'],
    /^tun2udp: [^\n]*1279: IPv6 needs at least 1280 bytes; [^\n]+\n$/u,
    2,
  ],
  [
    'an address given twice',
    ['--address', '10.9.0.1/24'],
    /^tun2udp: [^\n]*10\.9\.0\.1\/24: it is given twice[^\n]*\n$/u,
    2,
  ],
  ['an interface of another kind', ['--name', 'lo'], /^tun2udp: [^\n]*lo: [^\n]+\n$/u],
  [
    'an interface for the sockets that is not there',
    ['--bind-device', 'no-such'],
    /^tun2udp: bind the UDP socket to the interface no-such: No such device; --bind-device [^\n]+\n$/u,
  ],
  [
    'a tunnel whose sockets are bound to itself',
    ['--bind-device', 'lo', '--name', 'lo'],
    /^tun2udp: bind the UDP socket to the interface lo: [^\n]*the tunnel itself; [^\n]+\n$/u,
  ],
  [
    'a link-local peer behind no interface',
    ['--peer', 'fe80::1%no-such'],
    /^tun2udp: find the interface of the peer fe80::1%no-such: No such device; [^\n]+\n$/u,
  ],
]

for (const [what, args, line, expected = 1] of failing) {
  test(`${what} is one line with status ${expected}, and nothing stays`, async (t) => {
    const namespace = await withNamespace(t)
    const before = await links(namespace)
    const { status, stdout, stderr } = await runProgram([...OPERANDS, ...args], {
      netns: namespace.name,
    })
    t.is(status, expected)
    t.is(stdout, '')
    t.regex(stderr, line)
    t.deepEqual(await links(namespace), before)
  })
}
