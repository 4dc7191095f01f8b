import { Command } from 'commander'
import { ControlClient } from '../control/client.ts'
import { findOne } from '../control/find.ts'
import type { RelaySocket } from '../control/path.ts'
import { describeError, statusOf } from '../failure.ts'
import { HELP } from '../help.ts'
import { parseWith } from '../parse.ts'
import { print } from '../print.ts'

/** The operand of a command for one relay. */
export const NAME = [
  '[name]',
  'name of the interface, or path of the control socket with a slash (default: the only relay)',
] as const

/** The operand of a command for one relay or all. */
export const NAME_OR_ALL = [NAME[0], NAME[1].replace('the only relay', 'all relays')] as const

/** Returns the parser of a command, without its operands and options. */
export function describeCommand(name: string, purpose: string): Command {
  return new Command(`tun2udp ${name}`)
    .description(purpose)
    .helpOption(HELP.flag, HELP.help)
    .allowExcessArguments(false)
}

/** Returns the end of a message about an option of a command. */
export function hintOf(name: string): string {
  return `see \`tun2udp ${name} --help\``
}

/** Parses the arguments of a command and runs it. An error is one line. Returns the exit status. */
export async function runClient(
  name: string,
  command: Command,
  args: readonly string[],
  body: (
    operands: readonly (string | undefined)[],
    options: Readonly<Record<string, unknown>>,
  ) => Promise<number>,
): Promise<number> {
  const printed = parseWith(command, args, hintOf(name))
  if (printed) return print(printed)
  try {
    return await body(command.processedArgs as (string | undefined)[], command.opts())
  } catch (error) {
    const stderr = `tun2udp: ${describeError(error, hintOf(name))}\n`
    return print({ stdout: '', stderr, status: statusOf(error) })
  }
}

/** Sends one request to the relay that a user means, and returns its result. */
export async function requestOne(
  name: string | undefined,
  method: string,
  params: object = {},
): Promise<unknown> {
  return requestAt(await findOne(name), method, params)
}

/** Sends one request to the relay of a socket, and returns its result. */
export async function requestAt(
  { path }: RelaySocket,
  method: string,
  params: object = {},
): Promise<unknown> {
  const client = await ControlClient.connect(path)
  try {
    return await client.request(method, params)
  } finally {
    client.close()
  }
}
