import { createRequire } from 'node:module'
import { Command, CommanderError, InvalidArgumentError, Option } from 'commander'
import { type RelayOptions, parseAddress } from '../../index.ts'

/** How the program prints. */
export interface OutputOptions {
  /** Seconds between two lines of counters on stdout. */
  readonly stats?: number
  /** One JSON object a line on stdout, for every event. */
  readonly json: boolean
  /** No ready line, notices and summary for people. */
  readonly quiet: boolean
}

/** What the arguments ask for: to run, or to print something and end. */
export type Arguments =
  | { readonly run: true; readonly relay: RelayOptions; readonly output: OutputOptions }
  | { readonly run: false; readonly stdout: string; readonly stderr: string; readonly status: number }

/** The one line that a wrong number of operands gets. */
export const USAGE = 'Usage: tun2udp ADDRESS[/PREFIX] SEND_PORT RECV_PORT [options]'

/** The end of a message about an option. */
export const HINT = 'see `tun2udp --help`'

/** The longest period of setInterval() is 2^31 - 1 ms; a day is enough. */
const STATS_MAX_SECONDS = 86_400

interface Flags {
  name?: string
  mtu?: number
  address?: string[]
  route?: string[]
  peer?: string
  listen?: string
  accept?: 'peer' | 'any'
  netns?: string
  user?: string
  stats?: number
  json?: true
  quiet?: true
}

/** Reads the arguments behind the program's name. */
export function parseArguments(argv: readonly string[]): Arguments {
  let stdout = ''
  let stderr = ''
  const command = describe().configureOutput({
    writeOut: (text) => (stdout += text),
    writeErr: (text) => (stderr += text),
    outputError: (text, write) => {
      // As the other messages are: `WHAT: REASON; ADVICE` on one line.
      const line = text.trim().replace(/^error: /u, '').replace(' is invalid. ', ' is invalid: ')
      write(`tun2udp: ${line.replaceAll(/\s*\n\s*/gu, ' ')}; ${HINT}\n`)
    },
  })
  try {
    command.parse(argv, { from: 'user' })
    return interpret(command.args, command.opts<Flags>())
  } catch (error) {
    if (error instanceof CommanderError) return { run: false, stdout, stderr, status: error.exitCode }
    if (error instanceof OperandError) return { run: false, stdout, stderr: `${error.message}\n`, status: 1 }
    throw error
  }
}

/** An operand in the words of the plain program, which scripts may look for. */
class OperandError extends Error {}

function describe(): Command {
  return new Command('tun2udp')
    .description('Joins a TUN interface to UDP: each IP packet is the whole payload of one datagram.')
    .usage('ADDRESS[/PREFIX] SEND_PORT RECV_PORT [options]')
    .argument('[operands...]')
    .addOption(new Option('--name <name>', 'name of the interface; "%d" in it is the first free number'))
    .addOption(new Option('--mtu <bytes>', 'MTU of the interface (default: 1500, or what the path to the peer leaves)').argParser(wholeNumber))
    .addOption(new Option('--address <address[/prefix]>', 'a further address of the interface (repeatable)').argParser(append))
    .addOption(new Option('--route <cidr>', 'a network to route into the interface (repeatable)').argParser(append))
    .addOption(new Option('--peer <host>', 'the other end: IPv4, IPv6 or a name (default: 127.0.0.1)'))
    .addOption(new Option('--listen <address>', 'local address of the socket (default: loopback for a loopback peer, else any)'))
    .addOption(new Option('--accept <peer|any>', 'whose datagrams are taken, by source address (default: peer)').argParser(whom))
    .addOption(new Option('--netns <name|path|pid>', 'network namespace of the interface; the socket stays in this one'))
    .addOption(new Option('--user <name[:group]>', 'drop root and all capabilities once set up'))
    .addOption(new Option('--stats <seconds>', 'print the counters on stdout this often').argParser(seconds))
    .addOption(new Option('--json', 'print one JSON object a line on stdout: ready, notice, stats, summary'))
    .addOption(new Option('--quiet', 'no ready line, notices and summary; errors, and what is asked for, still come'))
    .version(version(), '--version', 'print the version')
    .helpOption('--help', 'print this help')
    .configureHelp({ visibleArguments: () => [] })
    .addHelpText('after', HELP)
    .exitOverride()
}

const HELP = `
ADDRESS[/PREFIX]  address of the interface, IPv4 or IPv6 (default prefix: 32 or 128)
SEND_PORT         UDP port of the peer, 1 to 65535
RECV_PORT         UDP port of this end, 0 to 65535; 0 lets the kernel choose

SIGUSR2 prints the counters; SIGINT, SIGTERM and SIGHUP end it with status 0.
Needs CAP_NET_ADMIN: run it as root.`

/** In the order of the plain program: the count, the address, the ports. */
function interpret(operands: readonly string[], flags: Flags): Arguments {
  const [address, sendPort, receivePort, ...excess] = operands
  if (address === undefined || sendPort === undefined || receivePort === undefined || excess.length > 0) {
    throw new OperandError(USAGE)
  }
  const { address: addresses = [], route: routes = [], user, stats, json = false, quiet = false, ...same } = flags
  return {
    run: true,
    relay: {
      ...same,
      ...splitUser(user),
      addresses: [operandAddress(address), ...addresses],
      sendPort: operandPort(sendPort, 1),
      receivePort: operandPort(receivePort, 0),
      routes,
    },
    output: { json, quiet, ...(stats === undefined ? {} : { stats }) },
  }
}

function operandAddress(text: string): string {
  try {
    parseAddress(text)
    return text
  } catch (cause) {
    throw new OperandError(`Invalid address ${quote(text)}`, { cause })
  }
}

function operandPort(text: string, lowest: number): number {
  const port = /^\d{1,5}$/u.test(text) ? Number(text) : Number.NaN
  if (port >= lowest && port <= 65_535) return port
  throw new OperandError(`Invalid port ${quote(text)}`)
}

/** As it was typed, except that a control character cannot break the line. */
function quote(text: string): string {
  // eslint-disable-next-line no-control-regex -- they are what is looked for
  return `"${text.replaceAll(/[\0-\u001F\u007F]/gu, (char) => JSON.stringify(`${char}`).slice(1, -1))}"`
}

function splitUser(text: string | undefined): { user?: string; group?: string } {
  if (text === undefined) return {}
  const colon = text.indexOf(':')
  return colon === -1 ? { user: text } : { user: text.slice(0, colon), group: text.slice(colon + 1) }
}

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

function seconds(text: string): number {
  const value = /^\d{1,5}(?:\.\d{1,3})?$/u.test(text) ? Number(text) : Number.NaN
  if (value >= 0.1 && value <= STATS_MAX_SECONDS) return value
  throw new InvalidArgumentError(`expected a number of seconds from 0.1 to ${STATS_MAX_SECONDS}`)
}

function version(): string {
  const { version } = createRequire(import.meta.url)('tun2udp/package.json') as { version: string }
  return version
}
