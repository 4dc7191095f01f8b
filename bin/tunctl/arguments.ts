import { type FoundOption, type OptionTable, UsageError, findOptions } from './getopt.ts'
import { parseInteger } from './number.ts'

/** Creates or deletes a device. Texts have one character per byte. */
export interface DeviceCommand {
  readonly action: 'create' | 'delete'
  readonly name: string
  readonly cloneDevice: string
  /** An `int`; -1 means "not given". */
  readonly owner: number
  /** An `int`; -1 means "not given". */
  readonly group: number
  readonly isBrief: boolean
  readonly isTun: boolean
  readonly isMultiQueue: boolean
  readonly isJson: boolean
  readonly netns?: string
}

/** Lists the devices. */
export interface ListCommand {
  readonly action: 'list'
  readonly isJson: boolean
  readonly netns?: string
}

/** The result of the arguments. */
export type Command =
  DeviceCommand | ListCommand | { readonly action: 'help' } | { readonly action: 'version' }

/** The databases of users and groups. Names have one character per byte. */
export interface Databases {
  findUser: (name: string) => Promise<number | undefined>
  findGroup: (name: string) => Promise<number | undefined>
}

const OPTIONS: OptionTable = {
  program: 'tunctl',
  letters: 'bd:f:t:u:g:',
  words: new Map([
    ['--tun', false],
    ['--multi-queue', false],
    ['--list', false],
    ['--json', false],
    ['--netns', true],
    ['--help', false],
    ['--version', false],
  ]),
}

const NOT_GIVEN = -1

type Mutable<T> = { -readonly [K in keyof T]: T[K] }

/**
 * Parses the arguments from left to right. Each name is looked up when its option is reached, and only the first error
 * is reported.
 *
 * @throws {UsageError} the first wrong argument.
 */
export async function parseArguments(
  args: readonly string[],
  databases: Databases,
  stopsAtOperand: boolean,
): Promise<Command> {
  const command: Mutable<DeviceCommand> = {
    action: 'create',
    name: '',
    cloneDevice: '/dev/net/tun',
    owner: NOT_GIVEN,
    group: NOT_GIVEN,
    isBrief: false,
    isTun: false,
    isMultiQueue: false,
    isJson: false,
  }
  const seen = new Set<string>()
  const options = findOptions(args, OPTIONS, stopsAtOperand)
  let next = options.next()
  for (; !next.done; next = options.next()) {
    const { name } = next.value
    if (name === '--help') return { action: 'help' }
    if (name === '--version') return { action: 'version' }
    seen.add(name)
    await apply(next.value, command, databases)
  }
  if (next.value.length > 0) throw new UsageError()
  return seen.has('--list') ? listCommand(command, seen) : command
}

async function apply(
  { name, argument }: FoundOption,
  command: Mutable<DeviceCommand>,
  databases: Databases,
): Promise<void> {
  switch (name) {
    case 'b':
      command.isBrief = true
      break
    case 'd':
      command.action = 'delete'
      command.name = argument
      break
    case 't':
      command.name = argument
      break
    case 'f':
      command.cloneDevice = argument
      break
    case 'u':
      command.owner = principal(argument, await databases.findUser(argument), 'username', 'uid')
      break
    case 'g':
      command.group = principal(argument, await databases.findGroup(argument), 'groupname', 'group')
      break
    default:
      applyLong(name, argument, command)
  }
}

/** Applies an option that the program of uml-utilities does not have. */
function applyLong(name: string, argument: string, command: Mutable<DeviceCommand>): void {
  if (name === '--tun') command.isTun = true
  if (name === '--multi-queue') command.isMultiQueue = true
  if (name === '--json') command.isJson = true
  if (name === '--netns') command.netns = argument
}

/** Returns a user or group as an `int`: the number of the account with that name, otherwise the given number. */
function principal(
  text: string,
  found: number | undefined,
  nameWord: string,
  numberWord: string,
): number {
  const number = found ?? parseInteger(text)
  if (number !== undefined) return number | 0
  throw new UsageError(`'${text}' is neither a ${nameWord} nor a numeric ${numberWord}.`)
}

function listCommand({ isJson, netns }: DeviceCommand, seen: ReadonlySet<string>): ListCommand {
  const others = [...seen].filter((name) => !['--list', '--json', '--netns'].includes(name))
  if (others.length > 0) {
    throw new UsageError("tunctl: option '--list' goes with '--json' and '--netns' only")
  }
  return { action: 'list', isJson, ...(netns === undefined ? {} : { netns }) }
}
