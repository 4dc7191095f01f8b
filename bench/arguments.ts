import { readFileSync } from 'node:fs'
import { Command, InvalidArgumentError, Option } from 'commander'
import { PATHS, type Path, innerMtu } from './lane/path.ts'
import { PEERS } from './peers/index.ts'
import { type Build, ours } from './peers/ours.ts'
import type { Peer } from './peers/peer.ts'
import type { Plan } from './run/race.ts'
import { SCENARIOS } from './scenarios/index.ts'
import type { Scenario } from './scenarios/scenario.ts'

/** MTU of Ethernet, in bytes. */
const MTU = 1500
/** The least MTU that IPv6 works with (RFC 8200). */
const LEAST_MTU = 1280
/** With `--full`: the least, Ethernet's, and that of jumbo frames. */
const FULL_MTUS = [LEAST_MTU, MTU, 9000]

/** The runs of `--quick`, which take well under three minutes once everything is built. */
const QUICK = {
  peers: ['veth', 'vxlan', 'tun2udp', 'plain', 'tun-rs-gso', 'go-wireguard-conn'],
  scenarios: ['tcp1', 'tcp4', 'udp64', 'rtt'],
  rounds: 3,
  seconds: 1,
}
const DEFAULT = { peers: undefined, scenarios: undefined, rounds: 5, seconds: 2 }
/**
 * The runs of `--record`, whose results the project keeps: about 17 minutes. All of these peers run the scenarios that
 * they are compared by, and the kernel's peers, the relay and the plain loop also the others.
 */
const RECORD = {
  peers: [
    ...['veth', 'vxlan', 'tun2udp', 'plain', 'go-wireguard-conn', 'tun-rs-gso', 'wireguard-go'],
    ...['boringtun', 'fastd', 'openvpn', 'tinc', 'vtun', 'n2n', 'socat'],
  ],
  scenarios: undefined,
  reference: ['veth', 'vxlan', 'tun2udp', 'plain'],
  forReference: ['tcp64', 'bidir', 'tcp1-v6', 'tcp1-forwarded', 'sparse-cpu0', 'idle'],
  rounds: 3,
  seconds: 1,
  out: 'bench/results',
}
/** The scenarios of a routed path if none are named. */
const ROUTED_SCENARIOS = ['tcp1', 'tcp4', 'udp1400']

/** The options as the parser gives them. */
interface Flags {
  quick?: true
  record?: true
  full?: true
  rounds?: number
  seconds?: number
  peers?: string[]
  scenarios?: string[]
  ours?: Build[]
  path: Path
  congestion: string
  out: string
}

/** The command line as a command. */
export interface Arguments {
  readonly plan: Plan
  /** Directory that the results are written to. */
  readonly out: string
}

/** The parser, which ends the process by itself after `--help` and with wrong arguments. */
export function describeBench(): Command {
  const command = new Command('npm run bench --')
    .description('Races the relay against its peers in network namespaces. Needs root.')
    .allowExcessArguments(false)
    .helpOption('--help', 'print this help')
  for (const option of options()) command.addOption(option)
  return command
}

function options(): Option[] {
  return [
    new Option('--quick', 'few peers, scenarios and rounds: under 3 minutes').conflicts('full'),
    new Option('--record', 'the run that the project records: about 17 minutes')
      .conflicts(['quick', 'full', 'path', 'peers', 'scenarios'])
      .implies({ out: RECORD.out }),
    new Option('--full', `MTU ${FULL_MTUS.join(', ')} instead of ${MTU} only`),
    new Option('--rounds <number>', `runs of each (default: ${DEFAULT.rounds})`).argParser(
      within(1, 1000),
    ),
    new Option('--seconds <number>', `length of a run (default: ${DEFAULT.seconds})`).argParser(
      within(1, 3600),
    ),
    new Option('--peers <list>', `only these of ${idsOf(PEERS)}`).argParser(listOf(PEERS)),
    new Option('--scenarios <list>', `only these of ${idsOf(SCENARIOS)}`).argParser(
      listOf(SCENARIOS),
    ),
    new Option(
      '--ours <name=path[,--option…]>',
      'a further build of this relay, or options of it, as a peer (repeatable)',
    ).argParser(build),
    new Option(
      '--path <path>',
      'between the forwarders: the loopback of one host, or two hosts and a router',
    )
      .choices(PATHS)
      .default('loopback'),
    new Option('--congestion <name>', 'congestion control of TCP')
      .argParser(available)
      .default(congestionControl('tcp_congestion_control'), "this machine's own"),
    new Option('--out <directory>', 'where the results go').default('dist/bench'),
  ]
}

/** Reads the arguments behind the program's name. */
export function parseArguments(argv: readonly string[], command = describeBench()): Arguments {
  const flags = command.parse(argv, { from: 'user' }).opts<Flags>()
  const { path, quick = false, record = false } = flags
  const chosen = quick ? QUICK : record ? RECORD : DEFAULT
  const peers = peersOf(flags, chosen.peers, command)
  const builds = (flags.ours ?? []).map(ours)
  const plan = {
    peers: [...peers, ...builds] as Peer[],
    scenarios: scenariosOf(flags, chosen.scenarios, command),
    path,
    rounds: flags.rounds ?? chosen.rounds,
    seconds: flags.seconds ?? chosen.seconds,
    mtus: flags.full ? FULL_MTUS.filter((mtu) => innerMtu(path, mtu) >= LEAST_MTU) : [MTU],
    congestion: flags.congestion,
    ...(record && { isLeftOut }),
  }
  return { plan, out: flags.out }
}

/** Returns whether the recorded run leaves a scenario out for a peer. */
function isLeftOut({ id: peer, kind }: Peer, { id: scenario }: Scenario): boolean {
  return (
    kind !== 'ours' && !RECORD.reference.includes(peer) && RECORD.forReference.includes(scenario)
  )
}

/** Returns the scenarios that are named, or the usual ones of the path. */
function scenariosOf(
  { path, scenarios }: Flags,
  usual: readonly string[] | undefined,
  command: Command,
): Scenario[] {
  const ids = scenarios ?? (path === 'routed' ? ROUTED_SCENARIOS : usual)
  const chosen = select<Scenario>(SCENARIOS, ids)
  const star = path === 'routed' ? chosen.find(({ shape }) => shape === 'star') : undefined
  if (star) command.error(`error: the scenario "${star.id}" works with --path loopback only`)
  return chosen
}

/** Returns the peers that are named, or the usual ones, as far as they work on the path. */
function peersOf(
  { path, peers }: Flags,
  usual: readonly string[] | undefined,
  command: Command,
): Peer[] {
  const works = ({ isRoutable = false }: Peer) => isRoutable || path === 'loopback'
  const stuck = PEERS.find((peer) => peers?.includes(peer.id) && !works(peer))
  if (stuck) command.error(`error: the peer "${stuck.id}" works with --path loopback only`)
  return select(PEERS, peers ?? usual).filter(works)
}

/** Returns the items with these names, in the order of the items. */
function select<Item extends { id: string }>(
  items: readonly Item[],
  ids: readonly string[] | undefined,
): Item[] {
  return items.filter(({ id }) => ids === undefined || ids.includes(id))
}

function idsOf(items: readonly { id: string }[]): string {
  return items.map(({ id }) => id).join(', ')
}

function listOf(items: readonly { id: string }[]): (text: string) => string[] {
  return (text) => {
    const ids = text.split(',')
    const unknown = ids.find((id) => !items.some((item) => item.id === id))
    if (unknown === undefined) return ids
    throw new InvalidArgumentError(`"${unknown}" is none of ${idsOf(items)}`)
  }
}

function within(least: number, most: number): (text: string) => number {
  return (text) => {
    const value = /^\d{1,6}$/u.test(text) ? Number(text) : Number.NaN
    if (value >= least && value <= most) return value
    throw new InvalidArgumentError(`expected a whole number from ${least} to ${most}`)
  }
}

/** One that this kernel has, tcp(7). */
function available(name: string): string {
  const names = congestionControl('tcp_available_congestion_control').split(' ')
  if (names.includes(name)) return name
  throw new InvalidArgumentError(`"${name}" is none of ${names.join(', ')}`)
}

/** Reads a setting of congestion control (ip-sysctl.rst). */
function congestionControl(file: string): string {
  return readFileSync(`/proc/sys/net/ipv4/${file}`, 'utf8').trim()
}

/** `NAME=PATH[,--option…]`; a comma within an option's value is not followed by `--`. */
function build(text: string, earlier: readonly Build[] = []): Build[] {
  const [, id, rest] = /^([\w.+-]+)=(.+)$/u.exec(text) ?? []
  const [tree, ...flags] = rest?.split(/,(?=--)/u) ?? []
  if (id === undefined || !tree) {
    throw new InvalidArgumentError('expected NAME=PATH[,--option…], such as slow=.,--no-offload')
  }
  const taken = [...PEERS, ...earlier].some((peer) => peer.id === id)
  if (taken) throw new InvalidArgumentError(`there is a peer "${id}" already: choose another name`)
  return [...earlier, { id, tree, options: flags }]
}
