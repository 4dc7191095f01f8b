/** An option as it stands in the arguments: a letter, or `--` and a word. */
export interface FoundOption {
  readonly name: string
  /** Empty for an option that takes none. */
  readonly argument: string
}

/** What the options of a program are. */
export interface OptionTable {
  /** The program's name, which messages begin with. */
  readonly program: string
  /** Letters, each followed by `:` if it takes an argument: the third argument of getopt(3). */
  readonly letters: string
  /** Long options by their words, and whether each takes an argument. No other one is known. */
  readonly words: ReadonlyMap<string, boolean>
}

/** Arguments that are refused. The message is what stands before the usage: a line, or nothing. */
export class UsageError extends Error {}

/**
 * Finds the options as getopt(3) of the GNU C library does: clusters (`-bt vpn0`), arguments that are
 * attached (`-tvpn0`), operands between options, `--` for the end.
 *
 * Long options are those of the table alone, whole, as `--word`, `--word ARGUMENT` or `--word=ARGUMENT`;
 * any other is, as it is there, an unknown option called `-`.
 *
 * @param args the arguments, a character for each byte.
 * @param stopsAtOperand whether options end with the first operand: `POSIXLY_CORRECT` is set.
 * @returns the operands.
 * @throws {UsageError} an option is unknown, or lacks its argument.
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

/** The long option that `arg` is, if it is a known one; takes its argument out of `rest`. */
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

/** Options of one letter that stand together; the last one's argument may stand in `rest`. */
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
