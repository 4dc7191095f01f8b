/** The module of a command. */
export interface CommandModule {
  /** Runs the command with the arguments after its name. Returns the exit status. */
  readonly run: (args: readonly string[]) => Promise<number>
}

/** A command of the program. */
export interface Command {
  /** The first argument. */
  readonly name: string
  /** Its other arguments, as the help prints them. */
  readonly usage: string
  /** Its first operand, if that is one of some words. */
  readonly actions?: readonly string[]
  /** Its options, if the usage does not list them. */
  readonly options?: readonly string[]
  /** Its purpose, a phrase. */
  readonly help: string
  /** Loads its module. */
  readonly load: () => Promise<CommandModule>
}

/** All commands, in the order of the help. */
export const COMMANDS: readonly Command[] = [
  {
    name: 'show',
    usage: '[NAME] [--json] [--watch]',
    help: 'show the peers, counters and problems of running relays',
    load: async () => import('./show.ts'),
  },
  {
    name: 'reload',
    usage: '[NAME]',
    help: 'make a relay read its configuration file again',
    load: async () => import('./reload.ts'),
  },
  {
    name: 'peers',
    usage: 'list|add|set|remove [NAME] [options]',
    actions: ['list', 'add', 'set', 'remove'],
    options: ['--json', '--name', '--endpoint', '--allow', '--keepalive', '--follow-port'],
    help: 'list or change the peers of a running relay',
    load: async () => import('./peers.ts'),
  },
  {
    name: 'metrics',
    usage: '[NAME]',
    help: 'print the counters of running relays for Prometheus',
    load: async () => import('./metrics.ts'),
  },
  {
    name: 'capture',
    usage: '[NAME] FILE|- [options]',
    options: [
      '--inside',
      '--outside',
      '--snap-length',
      '--filter',
      '--count',
      '--ring',
      '--overwrite',
    ],
    help: 'write the packets of a running relay to a pcapng file, or to stdout',
    load: async () => import('./capture.ts'),
  },
  {
    name: 'stop',
    usage: '[NAME]',
    help: 'end a running relay, and wait until it has removed everything',
    load: async () => import('./stop.ts'),
  },
  {
    name: 'doctor',
    usage: '[--json]',
    help: 'examine this machine',
    load: async () => import('./doctor.ts'),
  },
]

/** Returns the options of a command, without that of the help. */
export function optionsOf({ usage, options }: Command): readonly string[] {
  return options ?? usage.match(/--[a-z-]+/gu) ?? []
}

/**
 * Returns the command that arguments name; nothing if they start a relay.
 *
 * The first argument is a command if it is exactly the name of one, except in the plain form: three operands, of which
 * the last two consist of digits. There the word is an operand, and as such an invalid address.
 */
export async function findCommand(args: readonly string[]): Promise<Command | undefined> {
  const command = COMMANDS.find(({ name }) => name === args[0])
  return command && (await isPlain(args)) ? undefined : command
}

const DIGITS = /^\d+$/u

/** Returns whether arguments are the plain form. */
async function isPlain(args: readonly string[]): Promise<boolean> {
  // Only such arguments need the table of options.
  if (args.filter((word) => DIGITS.test(word)).length < 2) return false
  const { operandsOf } = await import('../options.ts')
  const [, send = '', receive = '', ...excess] = operandsOf(args)
  return excess.length === 0 && DIGITS.test(send) && DIGITS.test(receive)
}
