import { createRequire } from 'node:module'
import { Command, InvalidArgumentError, Option } from 'commander'
import type { Offload } from '../../index.ts'

/** The longest period of setInterval() is 2^31 - 1 ms; a day is enough. */
const STATS_MAX_SECONDS = 86_400

/** The options as the parser gives them. */
export interface Flags {
  name?: string
  mtu?: number
  address?: string[]
  route?: string[]
  peer?: string
  listen?: string
  accept?: 'peer' | 'any'
  netns?: string
  user?: string
  offload?: Offload[] | false
  queues?: number | 'auto'
  stats?: number
  json?: true
  quiet?: true
}

/** The program to the parser: its options and its help. */
export function describeProgram(): Command {
  const command = new Command('tun2udp')
    .description(
      'Joins a TUN interface to UDP: each IP packet is the whole payload of one datagram.',
    )
    .usage('ADDRESS[/PREFIX] SEND_PORT RECV_PORT [options]')
    .argument('[operands...]')
    .version(version(), '--version', 'print the version')
    .helpOption('--help', 'print this help')
    .configureHelp({ visibleArguments: () => [] })
    .addHelpText('after', HELP)
    .exitOverride()
  for (const option of [
    ...interfaceOptions(),
    ...udpOptions(),
    ...speedOptions(),
    ...outputOptions(),
  ]) {
    command.addOption(option)
  }
  return command
}

function interfaceOptions(): Option[] {
  return [
    new Option('--name <name>', 'name of the interface; "%d" in it is the first free number'),
    new Option(
      '--mtu <bytes>',
      'MTU of the interface (default: 1500, or what the path to the peer leaves)',
    ).argParser(wholeNumber),
    new Option(
      '--address <address[/prefix]>',
      'a further address of the interface (repeatable)',
    ).argParser(append),
    new Option('--route <cidr>', 'a network to route into the interface (repeatable)').argParser(
      append,
    ),
    new Option(
      '--netns <name|path|pid>',
      'network namespace of the interface; the socket stays in this one',
    ),
    new Option('--user <name[:group]>', 'drop root and all capabilities once set up'),
  ]
}

function udpOptions(): Option[] {
  return [
    new Option('--peer <host>', 'the other end: IPv4, IPv6 or a name (default: 127.0.0.1)'),
    new Option(
      '--listen <address>',
      'local address of the socket (default: loopback for a loopback peer, else any)',
    ),
    new Option(
      '--accept <peer|any>',
      'whose datagrams are taken, by source address (default: peer)',
    ).argParser(whom),
  ]
}

function speedOptions(): Option[] {
  return [
    new Option(
      '--offload <list>',
      'shortcuts of the kernel that may be used: tso,uso,gso,gro (default: all it has)',
    ).argParser(offloads),
    new Option('--no-offload', 'one packet, one datagram, no shortcuts'),
    new Option(
      '--queues <number|auto>',
      'queues of the interface, each with a thread (default: auto, as many as pay)',
    ).argParser(queues),
  ]
}

function outputOptions(): Option[] {
  return [
    new Option('--stats <seconds>', 'print the counters on stdout this often').argParser(seconds),
    new Option('--json', 'print one JSON object a line on stdout: ready, notice, stats, summary'),
    new Option(
      '--quiet',
      'no ready line, notices and summary; errors, and what is asked for, still come',
    ),
  ]
}

const HELP = `
ADDRESS[/PREFIX]  address of the interface, IPv4 or IPv6 (default prefix: 32 or 128)
SEND_PORT         UDP port of the peer, 1 to 65535
RECV_PORT         UDP port of this end, 0 to 65535; 0 lets the kernel choose

SIGUSR2 prints the counters; SIGINT, SIGTERM and SIGHUP end it with status 0.
Needs CAP_NET_ADMIN: run it as root.`

function append(value: string, list: readonly string[] = []): string[] {
  return [...list, value]
}

function wholeNumber(text: string): number {
  if (/^\d{1,9}$/u.test(text)) return Number(text)
  throw new InvalidArgumentError('expected a whole number')
}

function whom(text: string): 'peer' | 'any' {
  if (text === 'peer' || text === 'any') return text
  throw new InvalidArgumentError('expected peer or any')
}

function offloads(text: string): Offload[] {
  const names = text.split(',')
  const known: readonly string[] = ['tso', 'uso', 'gso', 'gro']
  if (names.every((name) => known.includes(name))) return names as Offload[]
  throw new InvalidArgumentError(`expected a list of ${known.join(', ')}`)
}

function queues(text: string): number | 'auto' {
  if (text === 'auto') return text
  const value = /^\d{1,3}$/u.test(text) ? Number(text) : Number.NaN
  if (value >= 1 && value <= 256) return value
  throw new InvalidArgumentError('expected a whole number from 1 to 256, or auto')
}

function seconds(text: string): number {
  const value = /^\d{1,5}(?:\.\d{1,3})?$/u.test(text) ? Number(text) : Number.NaN
  if (value >= 0.1 && value <= STATS_MAX_SECONDS) return value
  throw new InvalidArgumentError(`expected a number of seconds from 0.1 to ${STATS_MAX_SECONDS}`)
}

function version(): string {
  const { version } = createRequire(import.meta.url)('tun2udp/package.json') as { version: string }
  return version
}
