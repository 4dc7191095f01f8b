import { readFileSync } from 'node:fs'
import { CommanderError } from 'commander'
import test, { type ExecutionContext } from 'ava'
import { type Arguments, describeBench, parseArguments } from '../../bench/arguments.ts'

function parse(line: string): Arguments {
  const command = describeBench()
    .exitOverride()
    .configureOutput({ writeErr: () => undefined })
  return parseArguments(line === '' ? [] : line.split(' '), command)
}

function ids(items: readonly { id: string }[]): string[] {
  return items.map(({ id }) => id)
}

test('the default is everything at the MTU of Ethernet', (t) => {
  const { plan, out } = parse('')
  for (const peer of ['plain', 'tun2udp', 'vxlan', 'veth', 'wireguard-go', 'tun-rs-gso', 'node-fs'])
    t.true(ids(plan.peers).includes(peer), peer)
  for (const scenario of ['tcp1', 'tcp4', 'tcp64', 'bidir', 'tcp1-v6', 'udp64', 'udp1400', 'rtt'])
    t.true(ids(plan.scenarios).includes(scenario), scenario)
  t.deepEqual(plan.mtus, [1500])
  t.is(out, 'dist/bench')
  t.is(plan.congestion, readFileSync('/proc/sys/net/ipv4/tcp_congestion_control', 'utf8').trim())
})

test('--full adds MTUs, --quick leaves out most, and what is named explicitly wins', (t) => {
  t.deepEqual(parse('--full').plan.mtus, [1280, 1500, 9000])
  const { plan } = parse('--quick --rounds 7 --scenarios tcp64')
  t.true(plan.peers.length < parse('').plan.peers.length)
  t.is(plan.rounds, 7)
  t.deepEqual(ids(plan.scenarios), ['tcp64'])
  t.is(parse('--congestion reno').plan.congestion, 'reno')
})

test('--record has the peers that one can install, and fewer of them in some scenarios', (t) => {
  const { plan, out } = parse('--record')
  for (const peer of ['plain', 'vxlan', 'openvpn', 'fastd', 'tinc', 'vtun', 'n2n', 'boringtun'])
    t.true(ids(plan.peers).includes(peer), peer)
  t.deepEqual(ids(plan.scenarios), ids(parse('').plan.scenarios))
  t.deepEqual([plan.rounds, plan.seconds, out], [3, 1, 'bench/results'])
  const runs = (peerId: string, scenarioId: string) => {
    const peer = plan.peers.find(({ id }) => id === peerId)
    const scenario = plan.scenarios.find(({ id }) => id === scenarioId)
    return peer && scenario && plan.isLeftOut?.(peer, scenario) === false
  }
  for (const peer of ['plain', 'tun2udp', 'vxlan']) t.true(runs(peer, 'tcp64'), peer)
  t.false(runs('openvpn', 'tcp64'))
  t.true(runs('openvpn', 'tcp1'))
  t.is(parse('--record --out /x --rounds 5').out, '/x')
  t.is(parse('').plan.isLeftOut, undefined)
})

test('peers are run in the order of the tables, further builds behind them', (t) => {
  const { plan } = parse('--peers plain,veth --ours a=/x --ours b=.,--offload=tso,gro,--queues=2')
  t.deepEqual(ids(plan.peers), ['veth', 'plain', 'a', 'b'])
  t.deepEqual(
    plan.peers.map(({ kind }) => kind),
    ['kernel', 'user', 'ours', 'ours'],
  )
})

test('a routed path has the peers that work on it, and scenarios of its own', (t) => {
  t.is(parse('').plan.path, 'loopback')
  for (const line of ['--path routed', '--quick --path routed']) {
    const { plan } = parse(line)
    t.is(plan.path, 'routed')
    t.deepEqual(ids(plan.peers), ['vxlan', 'tun2udp', 'plain'])
    t.deepEqual(ids(plan.scenarios), ['tcp1', 'tcp4', 'udp1400'])
  }
  // The interfaces have less than the links, and at 1280 too little for IPv6.
  t.deepEqual(parse('--full --path routed').plan.mtus, [1500, 9000])
  const { plan } = parse('--path routed --peers plain --scenarios rtt --ours a=/x')
  t.deepEqual([ids(plan.peers), ids(plan.scenarios)], [['plain', 'a'], ['rtt']])
})

function refused(t: ExecutionContext, line: string, pattern: RegExp): void {
  const error = t.throws(() => parse(line), { instanceOf: CommanderError })
  t.regex(error.message, pattern)
}

for (const [line, pattern] of [
  ['--peers plain,nobody', /'--peers <list>'.*"nobody" is none of veth, vxlan/],
  ['--scenarios tcp2', /'--scenarios <list>'.*"tcp2" is none of tcp1, tcp4/],
  ['--rounds 0', /'--rounds <number>'.*from 1 to 1000/],
  ['--seconds 1.5', /'--seconds <number>'.*from 1 to 3600/],
  ['--congestion nobody', /'--congestion <name>'.*"nobody" is none of .*\w/],
  ['--ours x', /'--ours .*'.*expected NAME=PATH/],
  ['--ours plain=.', /there is a peer "plain" already/],
  ['--ours a=. --ours a=.', /there is a peer "a" already/],
  ['--path straight', /'--path <path>'.*Allowed choices are loopback, routed/],
  ['--path routed --peers plain,socat', /the peer "socat" works with --path loopback only/],
  [
    '--path routed --scenarios tcp1,hub8-in',
    /the scenario "hub8-in" works with --path loopback only/,
  ],
  ['--quick --full', /'--quick' cannot be used with option '--full'/],
  ['--record --peers plain', /'--record' cannot be used with option '--peers <list>'/],
  ['--fast', /unknown option '--fast'/],
  ['fast', /too many arguments/],
] as const) {
  test(`refused: ${line}`, refused, line, pattern)
}

test('a build that is not there is refused with what to do', async (t) => {
  const [peer] = parse('--peers plain --ours a=/nowhere').plan.peers.slice(-1)
  const toolbox = { tools: {} as never, signal: new AbortController().signal }
  const error = await t.throwsAsync(async () => peer?.prepare(toolbox))
  t.regex(error.message, /\/nowhere has no built program .*scripts\/setup\.sh/)
})
