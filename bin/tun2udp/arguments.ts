import { type RelayOptions, parseAddress } from '../../index.ts'
import type { Account } from '../../lib/relay/relay.ts'
import { describeProgram, valuesOf } from './command.ts'
import { HINT } from './failure.ts'
import {
  FAMILY_OPTIONS,
  OUTPUT_OPTIONS,
  PROCESS_OPTIONS,
  RELAY_OPTIONS,
  withLongFamilies,
} from './options.ts'
import type { MetricsAddress } from './metricsAddress.ts'
import { parseWith } from './parse.ts'
import type { Printed } from './print.ts'
import { STATUS } from './status.ts'

/** How the program prints. */
export interface OutputOptions {
  /** Interval between two lines of counters on stdout, seconds. */
  readonly stats?: number
  /** Where the counters are served to Prometheus. */
  readonly metrics?: MetricsAddress
  /** Path of the control socket. Absent: the default one, if there is a folder for it. */
  readonly control?: string
  /** Prints one JSON object per line on stdout for every event. */
  readonly json: boolean
  /** Suppresses the ready line, notices and the summary. */
  readonly quiet: boolean
}

/** The meaning of the arguments: run the relay, or print a text and exit. */
export type Arguments =
  | {
      readonly action: 'relay'
      /** The options; next to a configuration file, those that replace its options. */
      readonly relay: Partial<RelayOptions>
      /** Path of the configuration file. */
      readonly config?: string
      /** The user and group that the process changes to once the relay is set up. */
      readonly account?: Account
      /** Whether the relay of a running process is taken over. */
      readonly takeover?: boolean
      readonly output: OutputOptions
    }
  | ({ readonly action: 'print' } & Printed)

/** The first line of the error for a wrong number of operands, as the plain program prints it. */
export const USAGE = 'Usage: tun2udp ADDRESS[/PREFIX] SEND_PORT RECV_PORT [options]'

/** The operand for a TAP device without an address. */
const NO_ADDRESS = 'none'

/** The second line of the error for a wrong number of operands. */
const USAGE_HINT = 'See `tun2udp --help` for the operands and options.'

/** The arguments that run a relay. */
export type RelayArguments = Extract<Arguments, { action: 'relay' }>

/** Reads the arguments after the program's name. */
export function parseArguments(argv: readonly string[]): Arguments {
  const command = describeProgram()
  const printed = parseWith(command, withLongFamilies(argv), HINT)
  if (printed) return { action: 'print', ...printed }
  try {
    return interpret(command.args, command.opts())
  } catch (error) {
    if (error instanceof OptionError)
      return {
        action: 'print',
        stdout: '',
        stderr: `tun2udp: ${error.message}; ${HINT}\n`,
        status: STATUS.usage,
      }
    if (error instanceof OperandError)
      return {
        action: 'print',
        stdout: '',
        stderr: `${error.message}\n`,
        status: operandStatus(),
      }
    throw error
  }
}

/** Options that cannot be given together. */
class OptionError extends Error {}

/** A wrong operand, in the words of the plain program, because scripts may search for them. */
class OperandError extends Error {}

/**
 * Returns the exit status for a wrong operand. Scripts expect that of the plain program; a service manager needs
 * the one that prevents a restart.
 */
function operandStatus(): number {
  return process.env['NOTIFY_SOCKET'] ? STATUS.usage : STATUS.failure
}

/** Checks the operands in the order of the plain program: the count, the address, the ports. */
function interpret(
  operands: readonly string[],
  parsed: Readonly<Record<string, unknown>>,
): Arguments {
  const { user, config, takeover } = valuesOf(PROCESS_OPTIONS, parsed)
  const common = {
    action: 'relay',
    ...(user === undefined ? {} : { account: splitUser(user as string) }),
    ...(takeover === true ? { takeover } : {}),
    output: { json: false, quiet: false, ...valuesOf(OUTPUT_OPTIONS, parsed) },
  } as const
  // The library checks the values, as it checks those that JavaScript passes.
  const options: Partial<RelayOptions> = {
    ...valuesOf(RELAY_OPTIONS, parsed),
    ...familyOf(valuesOf(FAMILY_OPTIONS, parsed)),
  }
  if (config === undefined) return { ...common, relay: { ...options, ...ends(operands, options) } }
  if (operands.length > 0) {
    throw new OptionError('--config takes no operands: the file has the addresses and ports')
  }
  return { ...common, relay: options, config: config as string }
}

function ends(
  operands: readonly string[],
  { addresses = [], mode }: Partial<RelayOptions>,
): Pick<RelayOptions, 'addresses' | 'sendPort' | 'receivePort'> {
  const [address, sendPort, receivePort, ...excess] = operands
  if (
    address === undefined ||
    sendPort === undefined ||
    receivePort === undefined ||
    excess.length > 0
  ) {
    throw new OperandError(`${USAGE}\n${USAGE_HINT}`)
  }
  return {
    addresses: [...operandAddresses(address, mode), ...addresses],
    sendPort: operandPort(sendPort, 1),
    receivePort: operandPort(receivePort, 0),
  }
}

function familyOf(chosen: Readonly<Record<string, unknown>>): { family?: 4 | 6 } {
  if (chosen['ipv4'] && chosen['ipv6']) throw new OptionError('-4 and -6 exclude each other')
  if (chosen['ipv4']) return { family: 4 }
  return chosen['ipv6'] ? { family: 6 } : {}
}

/** Reads the first operand. A TAP device needs no address: then the operand is the word `none`. */
function operandAddresses(text: string, mode: unknown): string[] {
  return mode === 'tap' && text === NO_ADDRESS ? [] : [operandAddress(text)]
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

/** Quotes a text as it was typed, with control characters escaped so that they cannot break the line. */
function quote(text: string): string {
  // eslint-disable-next-line no-control-regex -- control characters are the subject
  return `"${text.replaceAll(/[\0-\u001F\u007F]/gu, (char) => JSON.stringify(char).slice(1, -1))}"`
}

function splitUser(text: string): Account {
  const colon = text.indexOf(':')
  return colon === -1
    ? { user: text }
    : { user: text.slice(0, colon), group: text.slice(colon + 1) }
}
