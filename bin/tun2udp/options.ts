import { yesOrNo } from '../../lib/options/forms.ts'
import { RELAY } from '../../lib/relay/optionTable.ts'
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

/** What becomes of the process: a library must not change the user of its caller's process. */
const PROCESS: OptionTable = {
  user: {
    // The library checks it, once it is split.
    form: { type: 'string', check: (_, value) => value, completion: 'user' },
    flag: '--user <name[:group]>',
    help: 'drop root and all capabilities once set up',
  },
}

/** How the program prints. */
const OUTPUT: OptionTable = {
  stats: {
    form: period,
    flag: '--stats <seconds>',
    help: 'print the counters on stdout this often',
  },
  json: {
    form: yesOrNo,
    flag: '--json',
    help: 'print one JSON object per line on stdout: ready, notice, stats, summary',
  },
  quiet: {
    form: yesOrNo,
    flag: '--quiet',
    help: 'suppress the ready line, notices and summary; still print errors and requested output',
  },
}

/** An option that the program has. */
export interface ProgramOption extends OptionDescription {
  /** Its name in the library. */
  readonly name: string
  readonly flag: string
}

/** Those of the relay. */
export const RELAY_OPTIONS: readonly ProgramOption[] = withFlags(RELAY.table)

/** Those of the process, which the program alone has. */
export const PROCESS_OPTIONS: readonly ProgramOption[] = withFlags(PROCESS)

/** Those of what is printed, which the program alone has. */
export const OUTPUT_OPTIONS: readonly ProgramOption[] = withFlags(OUTPUT)

/** All that are read by the parser, in the order of the help. */
export const PROGRAM_OPTIONS: readonly ProgramOption[] = [
  ...RELAY_OPTIONS,
  ...PROCESS_OPTIONS,
  ...OUTPUT_OPTIONS,
]

/** Those that the parser has itself: each prints something and ends. */
export const HELP = { flag: '--help', help: 'print this help' } as const
export const VERSION = { flag: '--version', help: 'print the version' } as const

/** What the help says of an option. */
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
