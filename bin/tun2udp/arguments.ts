import { CommanderError } from 'commander'
import { type RelayOptions, parseAddress } from '../../index.ts'
import type { Account } from '../../lib/relay/relay.ts'
import { describeProgram, valuesOf } from './command.ts'
import { OUTPUT_OPTIONS, PROCESS_OPTIONS, RELAY_OPTIONS } from './options.ts'

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
  | {
      readonly run: true
      readonly relay: RelayOptions
      /** What the process becomes once the relay is set up. */
      readonly account?: Account
      readonly output: OutputOptions
    }
  | {
      readonly run: false
      readonly stdout: string
      readonly stderr: string
      readonly status: number
    }

/** The one line that a wrong number of operands gets. */
export const USAGE = 'Usage: tun2udp ADDRESS[/PREFIX] SEND_PORT RECV_PORT [options]'

/** The end of a message about an option. */
export const HINT = 'see `tun2udp --help`'

/** Reads the arguments behind the program's name. */
export function parseArguments(argv: readonly string[]): Arguments {
  let stdout = ''
  let stderr = ''
  const command = describeProgram().configureOutput({
    writeOut: (text) => (stdout += text),
    writeErr: (text) => (stderr += text),
    outputError: (text, write) => {
      // As the other messages are: `WHAT: REASON; ADVICE` on one line.
      const line = text
        .trim()
        .replace(/^error: /u, '')
        .replace(' is invalid. ', ' is invalid: ')
      write(`tun2udp: ${line.replaceAll(/\s*\n\s*/gu, ' ')}; ${HINT}\n`)
    },
  })
  try {
    command.parse(argv, { from: 'user' })
    return interpret(command.args, command.opts())
  } catch (error) {
    if (error instanceof CommanderError)
      return { run: false, stdout, stderr, status: error.exitCode }
    if (error instanceof OperandError)
      return { run: false, stdout, stderr: `${error.message}\n`, status: 1 }
    throw error
  }
}

/** An operand in the words of the plain program, which scripts may look for. */
class OperandError extends Error {}

/** In the order of the plain program: the count, the address, the ports. */
function interpret(
  operands: readonly string[],
  parsed: Readonly<Record<string, unknown>>,
): Arguments {
  const [address, sendPort, receivePort, ...excess] = operands
  if (
    address === undefined ||
    sendPort === undefined ||
    receivePort === undefined ||
    excess.length > 0
  ) {
    throw new OperandError(USAGE)
  }
  // The library checks them, as it does what JavaScript passes.
  const { addresses = [], ...same } = valuesOf(RELAY_OPTIONS, parsed)
  const { user } = valuesOf(PROCESS_OPTIONS, parsed)
  return {
    run: true,
    relay: {
      ...same,
      addresses: [operandAddress(address), ...(addresses as string[])],
      sendPort: operandPort(sendPort, 1),
      receivePort: operandPort(receivePort, 0),
    },
    ...(user === undefined ? {} : { account: splitUser(user as string) }),
    output: { json: false, quiet: false, ...valuesOf(OUTPUT_OPTIONS, parsed) },
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
  return `"${text.replaceAll(/[\0-\u001F\u007F]/gu, (char) => JSON.stringify(char).slice(1, -1))}"`
}

function splitUser(text: string): Account {
  const colon = text.indexOf(':')
  return colon === -1
    ? { user: text }
    : { user: text.slice(0, colon), group: text.slice(colon + 1) }
}
