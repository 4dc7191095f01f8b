import { createRequire } from 'node:module'
import test from 'ava'
import { fakeEnvironment } from '../support/fakeBinding.ts'
import { runProgram } from '../support/program.ts'

// No case may reach the native layer: with this native layer it would start, and hang.
const env = fakeEnvironment()
const { version } = createRequire(import.meta.url)('tun2udp/package.json') as { version: string }

const USAGE = 'Usage: tun2udp ADDRESS[/PREFIX] SEND_PORT RECV_PORT [options]'
const USAGE_HINT = 'See `tun2udp --help` for the operands and options.'
const HINT = 'see `tun2udp --help`'
const OPERANDS = ['10.0.0.1/24', '5001', '5002']

const FAMILY = `expected an IPv6 address, as family says; ${HINT}`

/** Operands, with the plain program's text on stderr. */
const refusedOperands: [string[], string][] = [
  ...[
    [],
    ['10.0.0.1'],
    ['10.0.0.1', '5001'],
    [...OPERANDS, '5003'],
    [...OPERANDS, ''],
    ['--json', '--mtu', '1400', '10.0.0.1', '5001'],
  ].map((args): [string[], string] => [args, `${USAGE}\n${USAGE_HINT}`]),
  ...[
    '10.1',
    '',
    ' ',
    '10.0.0.1/33',
    '010.0.0.1',
    'x',
    '-5',
    'doctor',
    'fd00::1/129',
    'fe80::1%eth0',
    '0.0.0.0',
    '10.0.0.1/',
  ].map((address): [string[], string] => [
    [address, '5001', '5002'],
    `Invalid address "${address}"`,
  ]),
  ...[
    '0',
    '',
    '-5',
    '-1',
    '+5',
    '5.5',
    '0x10',
    '1e3',
    '65536',
    '999999',
    ' 5',
    '5 ',
    '5x',
    'x',
    '５',
  ].map((port): [string[], string] => [['10.0.0.1', port, '5002'], `Invalid port "${port}"`]),
  ...['', '-5', '+0', '5.0', '0x0', '65536', ' 0', 'x'].map((port): [string[], string] => [
    ['10.0.0.1', '5001', port],
    `Invalid port "${port}"`,
  ]),
  [['10.0.0.1', '5001', '--', '-4'], 'Invalid port "-4"'],
  // The word `none` is an address in the mode tap only, and no other word is one.
  [['none', '5001', '5002'], 'Invalid address "none"'],
  [['none', '5001', '5002', '--mode', 'tun'], 'Invalid address "none"'],
  [['None', '5001', '5002', '--mode', 'tap'], 'Invalid address "None"'],
  // In the order of the plain program: the address, then the ports.
  [['x', 'y', 'z'], 'Invalid address "x"'],
  [['10.0.0.1', 'y', 'z'], 'Invalid port "y"'],
  [['a\nb', '1', '2'], 'Invalid address "a\\nb"'],
]

/** Options, with the only line on stderr. */
const refusedOptions: [string[], string][] = [
  [['-4', ...OPERANDS, '-6'], `tun2udp: -4 and -6 exclude each other; ${HINT}`],
  [['-6', ...OPERANDS, '--peer', '192.0.2.1'], `tun2udp: Invalid peer "192.0.2.1": ${FAMILY}`],
  [[...OPERANDS, '--ipv6', '--peer', '192.0.2.1'], `tun2udp: Invalid peer "192.0.2.1": ${FAMILY}`],
  // The name of an interface, and an operand.
  [
    ['--name', '-4', '-6', ...OPERANDS, '--peer', '192.0.2.1'],
    `tun2udp: Invalid peer "192.0.2.1": ${FAMILY}`,
  ],
  [
    [...OPERANDS, '--mode', 'bridge'],
    `tun2udp: option '--mode <tun|tap>' argument 'bridge' is invalid: expected tun or tap; ${HINT}`,
  ],
  [[...OPERANDS, '--foo'], `tun2udp: unknown option '--foo'; ${HINT}`],
  [[...OPERANDS, '-x'], `tun2udp: unknown option '-x'; ${HINT}`],
  [[...OPERANDS, '--jsn'], `tun2udp: unknown option '--jsn' (Did you mean --json?); ${HINT}`],
  [[...OPERANDS, '--mtu'], `tun2udp: option '--mtu <bytes>' argument missing; ${HINT}`],
  ...['', 'all', 'tso,', 'TSO'].map((list): [string[], string] => [
    [...OPERANDS, '--offload', list],
    `tun2udp: option '--offload <list>' argument '${list}' is invalid: expected a list of tso, uso, gso, gro; ${HINT}`,
  ]),
  ...['-1', '4294967296', '0x100000000', '33h', '0x', '1.5', ''].map((mark): [string[], string] => [
    [...OPERANDS, `--fwmark=${mark}`],
    `tun2udp: option '--fwmark <mark>' argument '${mark}' is invalid: expected a mark from 0 to 4294967295, such as 51820 or 0xca6c; ${HINT}`,
  ]),
  ...['-1', '64', '0x10', 'none', ''].map((value): [string[], string] => [
    [...OPERANDS, `--dscp=${value}`],
    `tun2udp: option '--dscp <inherit|0..63>' argument '${value}' is invalid: expected a whole number from 0 to 63, or inherit; ${HINT}`,
  ]),
  ...['0', '65', '1.5', 'all', ''].map((ports): [string[], string] => [
    [...OPERANDS, '--source-ports', ports],
    `tun2udp: option '--source-ports <number|auto>' argument '${ports}' is invalid: expected a whole number from 1 to 64, or auto; ${HINT}`,
  ]),
  ...['0', '257', '1.5', 'all', ''].map((queues): [string[], string] => [
    [...OPERANDS, '--queues', queues],
    `tun2udp: option '--queues <number|auto>' argument '${queues}' is invalid: expected a whole number from 1 to 256, or auto; ${HINT}`,
  ]),
  [
    [...OPERANDS, '--mtu', 'abc'],
    `tun2udp: option '--mtu <bytes>' argument 'abc' is invalid: expected a whole number; ${HINT}`,
  ],
  [
    [...OPERANDS, '--mtu='],
    `tun2udp: option '--mtu <bytes>' argument '' is invalid: expected a whole number; ${HINT}`,
  ],
  [
    [...OPERANDS, '--mtu', '67'],
    `tun2udp: Invalid MTU 67: expected a whole number of bytes from 68 to 65535; ${HINT}`,
  ],
  ...['0', '-1', '0.05', '86401', 'x', '', '1e1'].map((seconds): [string[], string] => [
    [...OPERANDS, '--stats', seconds],
    `tun2udp: option '--stats <seconds>' argument '${seconds}' is invalid: expected a number of seconds from 0.1 to 86400; ${HINT}`,
  ]),
  [
    [...OPERANDS, '--accept', 'all'],
    `tun2udp: option '--accept <peer|any>' argument 'all' is invalid: expected peer or any; ${HINT}`,
  ],
  [
    [...OPERANDS, '--name', 'a/b'],
    `tun2udp: Invalid name "a/b": expected at most 15 bytes without "/", ":" and blanks, not "." or "..", with at most one "%", and that as "%d"; ${HINT}`,
  ],
  [
    [...OPERANDS, '--address', '10.2'],
    `tun2udp: Invalid address "10.2": expected ADDRESS[/PREFIX], such as 10.0.0.1/24 or fd00::1/64; ${HINT}`,
  ],
  [
    [...OPERANDS, '--route', '10.0.0.1/8'],
    `tun2udp: Invalid route "10.0.0.1/8": expected a network without host bits: 10.0.0.0/8; ${HINT}`,
  ],
  [
    [...OPERANDS, '--peer', '10.1'],
    `tun2udp: Invalid peer "10.1": expected an IPv4 address, an IPv6 address or a host name; ${HINT}`,
  ],
  [
    [...OPERANDS, '--listen', 'localhost'],
    `tun2udp: Invalid listen "localhost": expected an IPv4 or IPv6 address of this machine, without a zone, or the wildcard 0.0.0.0 or ::; ${HINT}`,
  ],
  [
    [...OPERANDS, '--listen', '::1'],
    `tun2udp: Invalid listen "::1": expected an IPv4 address, as the peer 127.0.0.1 has one; ${HINT}`,
  ],
  [
    [...OPERANDS, '--netns', '0'],
    `tun2udp: Invalid netns "0": expected a name from \`ip netns list\`, a path, or a process id from 1 to 4194304; ${HINT}`,
  ],
  [
    [...OPERANDS, '--user', ''],
    `tun2udp: Invalid user "": expected the name or the number of a user; ${HINT}`,
  ],
  [
    [...OPERANDS, '--user', 'nobody:'],
    `tun2udp: Invalid group "": expected the name or the number of a group; ${HINT}`,
  ],
  [
    [...OPERANDS, '--user', ':wheel'],
    `tun2udp: Invalid user "": expected the name or the number of a user; ${HINT}`,
  ],
  [
    [...OPERANDS, '--user', 'a:b:c'],
    `tun2udp: Invalid group "b:c": expected the name or the number of a group; ${HINT}`,
  ],
]

for (const [refused, status] of [
  [refusedOperands, 1],
  [refusedOptions, 2],
] as const) {
  for (const [args, text] of refused) {
    test(`refused: ${JSON.stringify(args)}`, async (t) => {
      const expected = { signal: null, stdout: '', stderr: `${text}\n` }
      t.deepEqual(await runProgram(args, { env }), { status, ...expected })
    })
  }
}

test('under a service manager wrong operands have the status of wrong options', async (t) => {
  for (const args of [[], ['x', '5001', '5002'], ['10.0.0.1', '5001', 'x']]) {
    const { status } = await runProgram(args, { env: { ...env, NOTIFY_SOCKET: '/no/matter' } })
    t.is(status, 2, args.join(' '))
  }
})

test('--quiet does not silence an error', async (t) => {
  const { status, stderr } = await runProgram(['--quiet', ...OPERANDS, '--mtu', '1'], { env })
  t.is(status, 2)
  t.regex(stderr, /^tun2udp: Invalid MTU 1: /u)
})

test('--version', async (t) => {
  t.deepEqual(await runProgram(['--version']), {
    status: 0,
    signal: null,
    stdout: `${version}\n`,
    stderr: '',
  })
})

test('-h does what --help does, also after operands and options', async (t) => {
  const help = await runProgram(['--help'], { env })
  t.is(help.status, 0)
  for (const args of [['-h'], [...OPERANDS, '-h'], ['x', '-h'], ['--json', '-h']])
    t.deepEqual(await runProgram(args, { env }), help, args.join(' '))
})

test('--help names every operand and option', async (t) => {
  const { status, stdout, stderr } = await runProgram(['--help', 'x'])
  t.is(status, 0)
  t.is(stderr, '')
  t.true(stdout.startsWith(`${USAGE}\n`))
  const options = [
    '--name <name>',
    '--mtu <bytes>',
    '--txqueuelen <packets>',
    '--address <address[/prefix]>',
    '--route <cidr>',
    '--peer <host>',
    '--listen <address>',
    '--accept <peer|any>',
    '--allow <cidr>',
    '--keepalive <seconds>',
    '--netns <name|path|pid>',
    '--user <name[:group]>',
    '--stats <seconds>',
    '--json',
    '--quiet',
    '--version',
    '--help',
    '\nADDRESS[/PREFIX] ',
    '\nSEND_PORT ',
    '\nRECV_PORT ',
    'SIGUSR2',
  ]
  for (const option of options) t.true(stdout.includes(option), option)
})

test('an addon that cannot be loaded is one line, and --help needs none', async (t) => {
  const broken = { NAPI_RS_NATIVE_LIBRARY_PATH: '/no/such/addon.node' }
  t.is((await runProgram(['--help'], { env: broken })).status, 0)
  const { status, stdout, stderr } = await runProgram(OPERANDS, { env: broken })
  t.is(status, 1)
  t.is(stdout, '')
  t.regex(
    stderr,
    /^tun2udp: load the native addon for linux-\w+-\w+: \/no\/such\/addon\.node: Cannot find module [^\n]+; unset NAPI_RS_NATIVE_LIBRARY_PATH, [^\n]+\n$/u,
  )
})

for (const [command, excess] of [
  ['show', 1],
  ['reload', 1],
  ['stop', 1],
  ['doctor', 0],
] as const) {
  test(`${command} is a command, except in the plain form`, async (t) => {
    const run = (...args: string[]) => runProgram([command, ...args], { env })
    const plain = { status: 1, stdout: '', stderr: `Invalid address "${command}"\n` }
    for (const args of [
      ['5001', '5002'],
      ['5001', '5002', '--json'],
      ['--mtu', '1400', '5001', '5002'],
      ['--mtu=1400', '5001', '--', '5002'],
      ['--name', '--json', '5001', '5002'],
      ['0', '99999999999'],
    ]) {
      t.like(await run(...args), plain, args.join(' '))
    }
    // Neither three operands nor numbers.
    const tooMany = `tun2udp: too many operands: expected at most ${excess}; see \`tun2udp ${command} --help\`\n`
    for (const args of [
      ['5001', '5002', '5003'],
      ['x', '5002', 'y'],
      ['5001', '5002x'],
    ]) {
      t.like(await run(...args), { status: 2, stdout: '', stderr: tooMany }, args.join(' '))
    }
    t.like(await run('--foo'), {
      status: 2,
      stderr: `tun2udp: unknown option '--foo'; see \`tun2udp ${command} --help\`\n`,
    })
    const help = await run('--help')
    t.is(help.status, 0)
    t.true(help.stdout.startsWith(`Usage: tun2udp ${command} [options]`), help.stdout)
  })
}

test('peers is a command, except in the plain form', async (t) => {
  const run = async (...args: string[]) => runProgram(['peers', ...args], { env })
  t.like(await run('5001', '5002'), { status: 1, stderr: 'Invalid address "peers"\n' })
  t.like(await run('5001', '5002', '5003'), {
    status: 2,
    stderr:
      'tun2udp: the action is unknown: "5001"; expected one of list, add, set, remove; see `tun2udp peers --help`\n',
  })
  for (const args of [
    ['--help'],
    ['list', '--help'],
    ['add', '-h'],
    ['set', '-h'],
    ['remove', '-h'],
  ]) {
    const help = await run(...args)
    t.is(help.status, 0)
    t.true(help.stdout.startsWith('Usage: tun2udp peers '), help.stdout)
  }
})

test('a command must be the first argument, and exactly its name', async (t) => {
  for (const args of [['--json', 'show'], ['Show'], ['show '], ['--', 'show']]) {
    t.like(await runProgram(args, { env }), { status: 1, stderr: `${USAGE}\n${USAGE_HINT}\n` })
  }
})
