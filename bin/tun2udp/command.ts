import { Command, InvalidArgumentError, Option } from 'commander'
import { VERSION as PACKAGE_VERSION } from '../../lib/native/version.ts'
import { COMMANDS } from './commands/table.ts'
import { HELP, PROGRAM_OPTIONS, type ProgramOption, VERSION, helpOf } from './options.ts'

/** Returns the parser of the command line, with the options and the help. */
export function describeProgram(): Command {
  const command = new Command('tun2udp')
    .description('Relays IP packets between a TUN interface and UDP, one packet per datagram.')
    .usage('ADDRESS[/PREFIX] SEND_PORT RECV_PORT [options]')
    .argument('[operands...]')
    .version(PACKAGE_VERSION, VERSION.flag, VERSION.help)
    .helpOption(HELP.flag, HELP.help)
    .configureHelp({ visibleArguments: () => [] })
    .addHelpText('after', OPERANDS)
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
ADDRESS[/PREFIX]  interface address, IPv4 or IPv6 (default prefix: 32 or 128);
                  with --mode tap also: none
SEND_PORT         UDP port of the peer, 1 to 65535
RECV_PORT         local UDP port, 0 to 65535; 0: chosen by the kernel

With --config FILE there are no operands: the file has them, and the peers.

Commands: ${COMMANDS.map(({ name, usage }) => `tun2udp ${name} ${usage}`).join('\n          ')}
          Each has a --help. The first argument is a command, except in front of
          two numbers: tun2udp show 5001 5002 has an invalid address.

Signals:  SIGINT, SIGTERM: exit; SIGUSR2: print the counters; SIGHUP: read the
          file of --config again
Status:   0: ended by a signal; 1: failure; 2: wrong options (wrong operands: 1,
          and 2 under systemd)
Needs the capability CAP_NET_ADMIN (root has it), and CAP_SYS_ADMIN for --netns.
Without it: a persistent interface of the user with all of its settings. See
tun2udp(8).`

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
