import { type Check, checkFields } from '../check/fields.ts'

/** The suggestions of a shell for the argument of an option: these words, or a list that the shell has. */
export type Completion =
  | { readonly words: readonly string[]; readonly areSeveral?: boolean }
  | 'namespace'
  | 'user'
  | 'host'
  | 'file'

/** The form of a value on the command line, if it is not text. */
export interface Spelling {
  /** Parses a text. Returns undefined if it is not valid. */
  readonly parse: (text: string) => unknown
  /** The expected form, for the message about an invalid text. */
  readonly expected: string
}

/** The form of a value. */
export interface Form<T = unknown> {
  /** Its type in TypeScript. */
  readonly type: string
  /** Checks a value, and returns it in the form of the native layer. */
  readonly check: Check<T>
  /** The smallest and the largest number that it accepts, for the JSON Schema. */
  readonly range?: readonly [lowest: number, highest: number]
  readonly spelling?: Spelling
  readonly completion?: Completion
}

/**
 * One option. The source of its declaration in TypeScript, its check, the command line and the help, the completions, the
 * manual page and the table in the documents (scripts/generate, bin/tun2udp/command.ts).
 */
export interface OptionDescription<T = unknown> {
  readonly form: Form<T>
  /** Whether the option must be given. */
  readonly isRequired?: true
  /** The flag of the program: `--mtu <bytes>`. Absent if only the library has the option. */
  readonly flag?: string
  /** The flag that sets it to false. */
  readonly negation?: { readonly flag: string; readonly help: string }
  /** Whether each use of the flag adds to a list. */
  readonly isRepeatable?: true
  /** The description: a phrase in lower case, in Markdown, short enough for one line of the help. */
  readonly help: string
  /** The default: a phrase in Markdown. */
  readonly default?: string
  /** Further details: whole sentences in Markdown, for the documents and the declaration. */
  readonly details?: string
  /** The sentences of the declaration, if the option of the library differs from that of the program. */
  readonly declaration?: string
}

/** The options of a function, by name. */
export type OptionTable = Readonly<Record<string, OptionDescription>>

type Value<O> = O extends OptionDescription<infer T> ? Exclude<T, undefined> : never
type RequiredNames<T extends OptionTable> = {
  [Name in keyof T]: T[Name] extends { isRequired: true } ? Name : never
}[keyof T]

/** The checked options of a table. */
export type CheckedOptions<T extends OptionTable> = {
  -readonly [Name in RequiredNames<T>]: Value<T[Name]>
} & { -readonly [Name in Exclude<keyof T, RequiredNames<T>>]?: Value<T[Name]> }

/** A table with its check. */
export interface OptionSet<T extends OptionTable> {
  readonly table: T
  /**
   * Checks an object of options. Properties that are undefined are left out.
   *
   * @throws {TunError} `ERR_TUN_INVALID_ARGUMENT`, or the error that the form of an option throws.
   */
  readonly check: (given: unknown) => CheckedOptions<T>
}

/** Returns a table with its check. */
export function options<const T extends OptionTable>(table: T): OptionSet<T> {
  const entries = Object.entries<OptionDescription>(table)
  const fields = Object.fromEntries(entries.map(([name, { form }]) => [name, form.check]))
  const required = entries.filter(([, { isRequired }]) => isRequired)
  const check = (given: unknown) => {
    const checked = checkFields('options', given, fields)
    for (const [name, { form }] of required) {
      // A missing option is refused with the message of its form.
      if (!(name in checked)) form.check(name, undefined)
    }
    return checked as CheckedOptions<T>
  }
  return { table, check }
}
