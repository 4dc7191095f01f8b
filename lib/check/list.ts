import { invalidArgument } from '../errors.ts'

/** The maximum number of elements of a list; crate/node/src/sys/list.rs has the same limit. */
export const LIST_MAX = 65_536

/** The maximum number of addresses or routes to add in one call: all requests are built before the first is sent. */
const MANY_MAX = 1_048_576

/** Checks a list of addresses or routes to add, as {@link checkList} does. */
export function checkMany(what: string, list: unknown): unknown[] {
  return checkList(what, list, `an array of ${what}`, MANY_MAX)
}

/**
 * Checks a list without its elements, and returns a copy, in which a hole is `undefined`.
 *
 * Options are never read from the caller's own array: its length can be 2^32 - 1 without any element, and a Proxy
 * or a getter can return different values each time.
 */
export function checkList(
  what: string,
  list: unknown,
  expected = 'an array of strings',
  highest = LIST_MAX,
): unknown[] {
  let most = ''
  try {
    if (Array.isArray(list)) {
      const { length } = list
      if (length <= highest) return Array.from({ length }, (_, index): unknown => list[index])
      most = `, at most ${highest} of them`
    }
  } catch (cause) {
    throw invalidArgument(what, list, expected, { cause })
  }
  throw invalidArgument(what, list, expected + most)
}

/** The maximum number of names in a list, including repeated ones. */
const NAMES_MAX = 64

/** Checks a list of names, each of which must be known. */
export function checkNames<const N extends string>(
  what: string,
  list: unknown,
  names: readonly N[],
  expected: string,
): N[] {
  const given = checkList(what, list, expected, NAMES_MAX)
  const isKnown = (name: unknown): name is N => (names as readonly unknown[]).includes(name)
  if (given.every((name) => isKnown(name))) return given
  const shown = given.map((name) => (typeof name === 'string' ? name : typeof name)).join()
  throw invalidArgument(what, shown, expected)
}
