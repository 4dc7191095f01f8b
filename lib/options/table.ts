import { type Check, checkFields } from '../check/fields.ts'

/** What a shell offers for an option's argument: these words, or what it knows itself. */
export type Completion =
  | { readonly words: readonly string[]; readonly areSeveral?: boolean }
  | 'namespace'
  | 'user'
  | 'host'

/** How the command line writes a value that is not text. */
export interface Spelling {
  /** Returns the value that a text stands for, or undefined if it stands for none. */
  readonly parse: (text: string) => unknown
  /** What was expected, for the message about a text that stands for none. */
  readonly expected: string
}

/** The form of a value. */
export interface Form<T = unknown> {
  /** Its type in TypeScript. */
  readonly type: string
  /** Checks it, and returns it as the native layer takes it. */
  readonly check: Check<T>
  readonly spelling?: Spelling
  readonly completion?: Completion
}

/**
 * One option. The declaration in TypeScript, the check, the command line and its help, the completions, the manual page
 * and the table in the documents are made of it (scripts/generate.ts, bin/tun2udp/command.ts).
 */
export interface OptionDescription<T = unknown> {
  readonly form: Form<T>
  /** It has no default. */
  readonly isRequired?: true
  /** `--mtu <bytes>`: how the program has it; absent: only the library has it. */
  readonly flag?: string
  /** The flag that sets it to false. */
  readonly negation?: { readonly flag: string; readonly help: string }
  /** Each use of the flag adds to a list. */
  readonly isRepeatable?: true
  /** What it is: a phrase in lower case, in Markdown. */
  readonly help: string
  /** Its default: a phrase in Markdown. */
  readonly default?: string
  /** What else there is to know: whole sentences in Markdown, for the documents and the declaration. */
  readonly details?: string
  /** The sentences of the declaration where the library has it otherwise than the program. */
  readonly declaration?: string
}

/** The options of a function, by name. */
export type OptionTable = Readonly<Record<string, OptionDescription>>

type Value<O> = O extends OptionDescription<infer T> ? Exclude<T, undefined> : never
type RequiredNames<T extends OptionTable> = {
  [Name in keyof T]: T[Name] extends { isRequired: true } ? Name : never
}[keyof T]

/** Options of a table, once they are checked. */
export type CheckedOptions<T extends OptionTable> = {
  -readonly [Name in RequiredNames<T>]: Value<T[Name]>
} & { -readonly [Name in Exclude<keyof T, RequiredNames<T>>]?: Value<T[Name]> }

/** A table with its check. */
export interface OptionSet<T extends OptionTable> {
  readonly table: T
  /**
   * Checks an object of options; what is undefined is left out.
   *
   * @throws {TunError} `ERR_TUN_INVALID_ARGUMENT`, or what the form of an option throws.
   */
  readonly check: (given: unknown) => CheckedOptions<T>
}

/** Makes the check of a table. */
export function options<const T extends OptionTable>(table: T): OptionSet<T> {
  const entries = Object.entries<OptionDescription>(table)
  const fields = Object.fromEntries(entries.map(([name, { form }]) => [name, form.check]))
  const required = entries.filter(([, { isRequired }]) => isRequired)
  const check = (given: unknown) => {
    const checked = checkFields('options', given, fields)
    for (const [name, { form }] of required) {
      // An absent one is refused in the words of its form.
      if (!(name in checked)) form.check(name, undefined)
    }
    return checked as CheckedOptions<T>
  }
  return { table, check }
}
