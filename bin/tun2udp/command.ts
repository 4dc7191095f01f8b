import { createRequire } from 'node:module'
import { Command, InvalidArgumentError, Option } from 'commander'
import { HELP, PROGRAM_OPTIONS, type ProgramOption, VERSION, helpOf } from './options.ts'

/** Describes the program to the parser: its options and its help. */
export function describeProgram(): Command {
  const command = new Command('tun2udp')
    .description(
      'Joins a TUN interface to UDP: each IP packet is the whole payload of one datagram.',
    )
    .usage('ADDRESS[/PREFIX] SEND_PORT RECV_PORT [options]')
    .argument('[operands...]')
    .version(version(), VERSION.flag, VERSION.help)
    .helpOption(HELP.flag, HELP.help)
    .configureHelp({ visibleArguments: () => [] })
    .addHelpText('after', OPERANDS)
    .exitOverride()
  for (const option of PROGRAM_OPTIONS) {
    command.addOption(toOption(option))
    const { negation } = option
    if (negation) command.addOption(new Option(negation.flag, negation.help))
  }
  return command
}

/** Returns the values of options by their names in the library. */
export function valuesOf(
  options: readonly ProgramOption[],
  parsed: Readonly<Record<string, unknown>>,
): Record<string, unknown> {
  const values = options.map(({ name, flag }) => [name, parsed[new Option(flag).attributeName()]])
  return Object.fromEntries(values.filter(([, value]) => value !== undefined)) as Record<
    string,
    unknown
  >
}

const OPERANDS = `
ADDRESS[/PREFIX]  address of the interface, IPv4 or IPv6 (default prefix: 32 or 128)
SEND_PORT         UDP port of the peer, 1 to 65535
RECV_PORT         UDP port of this end, 0 to 65535; 0 lets the kernel choose

SIGUSR2 prints the counters; SIGINT and SIGTERM end it with status 0. SIGHUP is ignored.
Needs CAP_NET_ADMIN: run it as root.`

function toOption(description: ProgramOption): Option {
  const { flag, form, isRepeatable } = description
  const option = new Option(flag, helpOf(description))
  const { spelling } = form
  if (isRepeatable) {
    return option.argParser((text: string, list?: readonly string[]) => [...(list ?? []), text])
  }
  if (!spelling) return option
  return option.argParser((text) => {
    const value = spelling.parse(text)
    if (value === undefined) throw new InvalidArgumentError(`expected ${spelling.expected}`)
    return value
  })
}

function version(): string {
  const { version } = createRequire(import.meta.url)('tun2udp/package.json') as { version: string }
  return version
}
