import { invalidArgument } from '../errors.ts'

/** Checks a switch. */
export function checkFlag(what: string, flag: unknown, otherwise: boolean): boolean {
  if (flag === undefined) return otherwise
  if (typeof flag === 'boolean') return flag
  throw invalidArgument(what, flag, 'true or false')
}

/** Checks a whole number. */
export function checkWhole(what: string, number: unknown, lowest: number, highest: number): number {
  const isGood =
    Number.isInteger(number) && (number as number) >= lowest && (number as number) <= highest
  if (isGood) return number as number
  throw invalidArgument(what, number, `a whole number from ${lowest} to ${highest}`)
}

/** Elements of a list, at most; crate/node/src/sys/list.rs refuses longer ones too. */
export const LIST_MAX = 65_536

/**
 * Checks a list, and returns a copy of it, in which a hole is `undefined`; its elements are not checked.
 *
 * No option is read from the caller's own array: its length can be 2^32 - 1 without any element, and a Proxy or a
 * getter can give something else each time.
 */
export function checkList(
  what: string,
  list: unknown,
  expected = 'an array of strings',
  highest = LIST_MAX,
): string[] {
  let most = ''
  try {
    if (Array.isArray(list)) {
      const { length } = list
      if (length <= highest) return Array.from({ length }, (_, index) => list[index] as string)
      most = `, at most ${highest} of them`
    }
  } catch (cause) {
    throw invalidArgument(what, list, expected, 'ERR_TUN_INVALID_ARGUMENT', { cause })
  }
  throw invalidArgument(what, list, expected + most)
}

/** Names of a list, at most, however often each is there. */
const NAMES_MAX = 64

/** Checks a list of names, each one of those that are known. */
export function checkNames(
  what: string,
  list: unknown,
  names: readonly string[],
  expected: string,
): string[] {
  const given: unknown[] = checkList(what, list, expected, NAMES_MAX)
  if (given.every((name) => typeof name === 'string' && names.includes(name)))
    return given as string[]
  const shown = given.map((name) => (typeof name === 'string' ? name : typeof name)).join()
  throw invalidArgument(what, shown, expected)
}

/** Checks an object of options; without one, all of them have their defaults. */
export function checkOptions(what: string, options: unknown): void {
  if (options !== undefined && (typeof options !== 'object' || options === null))
    throw invalidArgument(what, options, 'an object')
}

/** Checks a signal. */
export function checkSignal(signal: unknown): void {
  if (signal !== undefined && !(signal instanceof AbortSignal))
    throw invalidArgument('signal', signal, 'an AbortSignal')
}

/** A property that is there only when it was given: the native layer tells absent from undefined. */
export function optional<K extends string, T>(
  key: K,
  value: unknown,
  check: (value: unknown) => T,
): Partial<Record<K, T>> {
  return value === undefined ? {} : ({ [key]: check(value) } as Record<K, T>)
}
