import { yesOrNo } from '../../lib/options/forms.ts'
import { RELAY } from '../../lib/relay/optionTable.ts'
import { parseMetricsAddress } from './metricsAddress.ts'
import { PATH_BYTES_MAX, fitsSocket } from './unixPath.ts'
import type { Form, OptionDescription, OptionTable } from '../../lib/options/table.ts'

/** The longest period of setInterval() is 2^31 - 1 ms; a day is enough. */
const STATS_MAX_SECONDS = 86_400

const period: Form<number> = {
  type: 'number',
  check: (_, value) => value as number,
  spelling: {
    parse: (text) => {
      const value = /^\d{1,5}(?:\.\d{1,3})?$/u.test(text) ? Number(text) : 0
      return value >= 0.1 && value <= STATS_MAX_SECONDS ? value : undefined
    },
    expected: `a number of seconds from 0.1 to ${STATS_MAX_SECONDS}`,
  },
}

const metricsAddress: Form<string> = {
  type: 'string',
  check: (_, value) => value as string,
  spelling: { parse: parseMetricsAddress, expected: 'PORT, ADDRESS:PORT or unix:PATH' },
}

const socketPath: Form<string> = {
  type: 'string',
  check: (_, value) => value as string,
  completion: 'file',
  spelling: {
    parse: (text) => (fitsSocket(text) ? text : undefined),
    expected: `the path of a Unix socket, 1 to ${PATH_BYTES_MAX} bytes`,
  },
}

/** Options of the process. A library must not change the user of its caller's process. */
const PROCESS: OptionTable = {
  config: {
    form: { type: 'string', check: (_, value) => value, completion: 'file' },
    flag: '--config <file>',
    help: 'file with the options of the relay and its peers',
    details:
      'There are no operands then. The format is described in [configuration.md](configuration.md) and tun2udp.conf(5). An option of the relay on the command line replaces that of the file. SIGHUP reads the file again and changes the peers.',
  },
  takeover: {
    form: yesOrNo,
    flag: '--takeover',
    help: 'take over the running relay with the same control socket',
    details:
      'The running process passes its interface and sockets on and ends with status 0. Interface, routes and counters stay. If the start fails, the running process goes on. The control socket is that of `--control`, or the default one of `--name`. The number of queues and source ports, the port and the local address cannot change. See [upgrade without a gap](guides/upgrade-without-a-gap.md).',
  },
  user: {
    // The library checks the value after it is split.
    form: { type: 'string', check: (_, value) => value, completion: 'user' },
    flag: '--user <name[:group]>',
    help: 'user to run as once set up',
    details:
      'The process changes to the user (and the group) and drops root and all capabilities. Not possible with an interface that existed before.',
  },
}

/** The family of the peer, passed to the library as a number. */
const FAMILY: OptionTable = {
  ipv4: { form: yesOrNo, flag: '--ipv4', help: 'use an IPv4 address of the peer; also `-4`' },
  ipv6: { form: yesOrNo, flag: '--ipv6', help: 'use an IPv6 address of the peer; also `-6`' },
}

/** Options of the output. */
const OUTPUT: OptionTable = {
  stats: {
    form: period,
    flag: '--stats <seconds>',
    help: 'print a line of rates on stdout at this interval',
    details: 'From 0.1 to 86400 seconds. With `--json` the counters are printed.',
  },
  json: {
    form: yesOrNo,
    flag: '--json',
    help: 'print events as JSON, one object per line',
    details:
      'The objects are printed on stdout. Their `event` is `ready`, `notice`, `stats` or `summary`.',
  },
  metrics: {
    form: metricsAddress,
    flag: '--metrics <address>',
    help: 'serve the counters to Prometheus',
    details:
      'The value is `PORT` of 127.0.0.1, `ADDRESS:PORT`, or `unix:PATH` for a Unix socket of mode 0600. The text is at `/metrics` over HTTP. Anyone who can connect can read it.',
  },
  control: {
    form: socketPath,
    flag: '--control <path>',
    help: 'Unix socket for `tun2udp show` and the other commands',
    details:
      'Only root and the user of the process may use it (mode 0600). The protocol is described in [control.md](control.md). By default the socket is in the run-time folder if there is one: `$RUNTIME_DIRECTORY` of systemd, /run/tun2udp for root, `$XDG_RUNTIME_DIR/tun2udp` for other users.',
  },
  quiet: {
    form: yesOrNo,
    flag: '--quiet',
    help: 'suppress the ready line, notices and summary',
    details:
      'Errors and requested output (`--stats`, SIGUSR2) are still printed. With `--json` it has no effect.',
  },
}

/** An option of the program. */
export interface ProgramOption extends OptionDescription {
  /** Its name in the library. */
  readonly name: string
  readonly flag: string
}

/** The options of the relay. */
export const RELAY_OPTIONS: readonly ProgramOption[] = withFlags(RELAY.table)

/** The options of the process, which only the program has. */
export const PROCESS_OPTIONS: readonly ProgramOption[] = withFlags(PROCESS)

/** The options that choose the family of the peer. */
export const FAMILY_OPTIONS: readonly ProgramOption[] = withFlags(FAMILY)

/** The options of the output, which only the program has. */
export const OUTPUT_OPTIONS: readonly ProgramOption[] = withFlags(OUTPUT)

/** All options in the order of the help. */
export const PROGRAM_OPTIONS: readonly ProgramOption[] = [
  ...RELAY_OPTIONS,
  ...FAMILY_OPTIONS,
  ...PROCESS_OPTIONS,
  ...OUTPUT_OPTIONS,
]

export { HELP, VERSION } from './help.ts'

/** Returns the description of an option for the help. */
export function helpOf({ help, default: otherwise, isRepeatable }: OptionDescription): string {
  const repeatable = isRepeatable ? ' (repeatable)' : ''
  const byDefault = otherwise === undefined ? '' : ` (default: ${otherwise})`
  return `${help}${repeatable}${byDefault}`.replaceAll('`', '')
}

function withFlags(table: OptionTable): ProgramOption[] {
  return Object.entries(table).flatMap(([name, description]) => {
    const { flag } = description
    return flag === undefined ? [] : [{ ...description, name, flag }]
  })
}

const SHORT: Readonly<Record<string, string>> = { '-4': '--ipv4', '-6': '--ipv6' }

/**
 * Returns the arguments with `-4` and `-6` in their long form. The parser would take other operands such as `-5` for
 * options too if it knew digits.
 */
export function withLongFamilies(argv: readonly string[]): string[] {
  const end = argv.indexOf('--')
  return argv.map((word, at) => {
    const isOption = (end === -1 || at < end) && !needsArgument(argv[at - 1])
    return (isOption ? SHORT[word] : undefined) ?? word
  })
}

/** Returns the operands of the arguments: the words that are neither options nor their arguments. */
export function operandsOf(argv: readonly string[]): string[] {
  const operands: string[] = []
  for (let at = 0; at < argv.length; at++) {
    const word = argv[at] ?? ''
    if (word === '--') return [...operands, ...argv.slice(at + 1)]
    if (needsArgument(word)) at++
    else if (!word.startsWith('-')) operands.push(word)
  }
  return operands
}

/** Returns whether the next word is the argument of this one. */
function needsArgument(flag: string | undefined): boolean {
  return PROGRAM_OPTIONS.some((option) => option.flag.startsWith(`${flag ?? ''} <`))
}
