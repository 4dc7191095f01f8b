/** An option of the arguments: a letter, or `--` and a word. */
export interface FoundOption {
  readonly name: string
  /** Empty for an option without an argument. */
  readonly argument: string
}

/** The options of a program. */
export interface OptionTable {
  /** The name of the program, with which messages begin. */
  readonly program: string
  /** Letters, each followed by `:` if it takes an argument: the third argument of getopt(3). */
  readonly letters: string
  /** The long options, and whether each takes an argument. */
  readonly words: ReadonlyMap<string, boolean>
}

/** Refused arguments. The message is the line before the usage text, or empty. */
export class UsageError extends Error {}

/**
 * Finds the options as getopt(3) of the GNU C library does: clusters (`-bt vpn0`), attached arguments (`-tvpn0`),
 * operands between options, and `--` as the end of the options.
 *
 * Long options have the forms `--word`, `--word ARGUMENT` and `--word=ARGUMENT`, without abbreviations. Any other long
 * option is an unknown option `-`, as in the original.
 *
 * @param args the arguments, one character per byte.
 * @param stopsAtOperand whether the first operand ends the options (`POSIXLY_CORRECT`).
 * @returns the operands.
 * @throws {UsageError} an option is unknown or its argument is missing.
 */
export function* findOptions(
  args: readonly string[],
  table: OptionTable,
  stopsAtOperand: boolean,
): Generator<FoundOption, string[]> {
  const rest = [...args]
  const operands: string[] = []
  for (let arg = rest.shift(); arg !== undefined; arg = rest.shift()) {
    if (arg === '--') break
    if (!arg.startsWith('-') || arg === '-') {
      operands.push(arg)
      if (stopsAtOperand) break
      continue
    }
    const word = longOption(arg, rest, table)
    if (word) yield word
    else yield* cluster(arg.slice(1), rest, table)
  }
  return [...operands, ...rest]
}

/** Returns the long option in `arg` if it is in the table, and takes its argument from `rest`. */
function longOption(arg: string, rest: string[], table: OptionTable): FoundOption | undefined {
  const equals = arg.indexOf('=')
  const name = equals === -1 ? arg : arg.slice(0, equals)
  const takesArgument = table.words.get(name)
  if (takesArgument === undefined || (equals !== -1 && !takesArgument)) return undefined
  if (!takesArgument) return { name, argument: '' }
  const argument = equals === -1 ? rest.shift() : arg.slice(equals + 1)
  if (argument === undefined)
    throw new UsageError(`${table.program}: option '${name}' requires an argument`)
  return { name, argument }
}

/** Yields the options of a cluster of letters. The argument of the last one may be in `rest`. */
function* cluster(text: string, rest: string[], table: OptionTable): Generator<FoundOption> {
  for (let index = 0; index < text.length; index++) {
    const name = text.charAt(index)
    const place = name === ':' ? -1 : table.letters.indexOf(name)
    if (place === -1) throw new UsageError(`${table.program}: invalid option -- '${name}'`)
    if (table.letters[place + 1] !== ':') {
      yield { name, argument: '' }
      continue
    }
    const argument = index + 1 < text.length ? text.slice(index + 1) : rest.shift()
    if (argument === undefined) {
      throw new UsageError(`${table.program}: option requires an argument -- '${name}'`)
    }
    yield { name, argument }
    return
  }
}
