import { isIP } from 'node:net'
import { type TunError, addOption, invalidArgument, isArray, unreadable } from '../errors.ts'
import { checkList } from './list.ts'
import { nearestName } from './nearest.ts'

/** Returns the value in the form of the native layer, or `undefined` for its default; throws if it is refused. */
export type Check<T = unknown> = (what: string, value: unknown) => T

/** The check of each property of an object. */
export type Fields = Readonly<Record<string, Check>>

/** The type of a checked object. */
export type Checked<F extends Fields> = {
  -readonly [Name in keyof F]?: Exclude<ReturnType<F[Name]>, undefined>
}

/**
 * Checks an object of options: it has only known properties with valid values. Undefined values are omitted.
 *
 * @throws {TunError} `ERR_TUN_INVALID_ARGUMENT`, which names the property, and the most similar known one.
 */
export function checkFields<F extends Fields>(what: string, given: unknown, fields: F): Checked<F> {
  return readFields(what, given, fields)
}

/**
 * Checks the argument of a delete like {@link checkFields}, but refuses a property whose value is `undefined`:
 * without it, the delete would match more objects than the caller meant.
 *
 * @throws {TunError} `ERR_TUN_INVALID_ARGUMENT`, which names the property.
 */
export function checkIdentity<F extends Fields>(
  what: string,
  given: unknown,
  fields: F,
): Checked<F> {
  return readFields(what, given, fields, (name) => {
    const expected = 'a value; leave out a property that does not identify the object to delete'
    throw invalidArgument(name, undefined, expected)
  })
}

/** Reads each property once: a getter or a Proxy can return a different value the next time. */
function readFields<F extends Fields>(
  what: string,
  given: unknown,
  fields: F,
  refuseUndefined?: (name: string) => never,
): Checked<F> {
  if (!isObject(given)) throw invalidArgument(what, given, 'an object')
  const checked: Record<string, unknown> = {}
  for (const name of namesOf(what, given)) {
    const check = Object.hasOwn(fields, name) ? fields[name] : undefined
    if (!check) throw unknownProperty(what, name, Object.keys(fields))
    const value = readProperty(given, name)
    if (value === undefined) refuseUndefined?.(name)
    const result = value === undefined ? undefined : checkOne(name, value, check)
    if (result !== undefined) checked[name] = result
  }
  return checked as Checked<F>
}

function checkOne(name: string, value: unknown, check: Check): unknown {
  try {
    return check(name, value)
  } catch (error) {
    addOption(error, name)
    throw error
  }
}

/**
 * Returns the names of an object's properties, including inherited ones: Object.create() derives options from
 * others.
 */
function namesOf(what: string, given: object): string[] {
  const names: string[] = []
  try {
    for (const name in given) names.push(name)
  } catch (cause) {
    throw unreadable(what, cause)
  }
  return names
}

/**
 * Reads one property of an unchecked value. `null` and `undefined` have no properties.
 *
 * @throws {TunError} `ERR_TUN_INVALID_ARGUMENT`: a getter or a Proxy threw.
 */
export function readProperty(given: unknown, name: string): unknown {
  try {
    return (given as Record<string, unknown> | null | undefined)?.[name]
  } catch (cause) {
    throw unreadable(name, cause)
  }
}

function isObject(given: unknown): given is Record<string, unknown> {
  return typeof given === 'object' && given !== null && !isArray(given)
}

function unknownProperty(what: string, name: string, known: readonly string[]): TunError {
  const expected = known.length === 0 ? 'none' : `one of ${known.join(', ')}`
  const nearest = nearestName(name, known)
  const advice = nearest === undefined ? undefined : `did you mean ${nearest}?`
  return invalidArgument(`property of ${what}`, name, expected, { advice })
}

/** Returns a check of an object within another. */
export function nested<F extends Fields>(fields: F): Check<Checked<F>> {
  return (what, value) => checkFields(what, value, fields)
}

/** Returns a check of an array and each of its elements. */
export function list<T>(check: Check<T>, expected = 'an array'): Check<T[]> {
  return (what, value) => {
    return checkList(what, value, expected).map((element) => check(what, element))
  }
}

/** Returns a check of an integer in a range that includes both ends. */
export function integer(lowest: number, highest: number): Check<number> {
  return (what, value) => {
    if (isBetween(value, lowest, highest)) return value
    throw invalidArgument(what, value, `a whole number from ${lowest} to ${highest}`)
  }
}

function isBetween(value: unknown, lowest: number, highest: number): value is number {
  return Number.isInteger(value) && (value as number) >= lowest && (value as number) <= highest
}

/** An unsigned 8-bit integer. */
export const u8 = integer(0, 0xff)

/** An unsigned 16-bit integer. */
export const u16 = integer(0, 0xffff)

/** An unsigned 32-bit integer. */
export const u32 = integer(0, 4_294_967_295)

/** Returns a check of one of some names, or of the number of a value without a name. */
export function named(names: readonly string[], highest: number): Check {
  return (what, value) => {
    if (typeof value === 'string' && names.includes(value)) return value
    if (isBetween(value, 0, highest)) return value
    throw invalidArgument(what, value, `one of ${names.join(', ')}, or a number up to ${highest}`)
  }
}

/** A boolean. */
export const flag: Check<boolean> = (what, value) => {
  if (typeof value === 'boolean') return value
  throw invalidArgument(what, value, 'true or false')
}

/** Returns a check of a function to be called later. Its parameters cannot be checked. */
export function callback<F extends (...args: never) => unknown>(): Check<F> {
  return (what, value) => {
    if (typeof value === 'function') return value as F
    throw invalidArgument(what, value, 'a function')
  }
}

/** Returns a check of text by the length of its UTF-8 form, bytes. */
export function text(lowest: number, highest: number): Check<string> {
  return (what, value) => {
    if (typeof value === 'string' && !value.includes('\0')) {
      const bytes = Buffer.byteLength(value)
      if (bytes >= lowest && bytes <= highest) return value
    }
    throw invalidArgument(what, value, `text of ${lowest} to ${highest} bytes`)
  }
}

/** Returns a check of an IP address without a prefix or zone, as inet_pton(3) parses it. */
export function ipAddress(family?: 4 | 6): Check {
  return (what, value) => {
    const version = typeof value === 'string' && !value.includes('%') ? isIP(value) : 0
    if (version !== 0 && (family === undefined || version === family)) return value
    throw invalidArgument(what, value, family ? `an IPv${family} address` : 'an IP address')
  }
}

/** A hardware address: bytes in hexadecimal, separated by colons. */
export const macAddress: Check = (what, value) => {
  const form = /^[\da-f]{2}(?::[\da-f]{2}){0,31}$/iu
  if (typeof value === 'string' && form.test(value)) return value
  throw invalidArgument(what, value, 'bytes in hexadecimal such as 02:00:00:00:00:01')
}

/** Identifies a link by its name, an alternative name, or its index. */
export const linkRef: Check = (what, value) => {
  if (isBetween(value, 1, 2_147_483_647)) return value
  if (typeof value === 'string' && /^[^\s/\0]{1,127}$/u.test(value)) return value
  throw invalidArgument(what, value, 'the name of an interface, or its index')
}

/** An address family: 4 or 6. */
export const family: Check = (what, value) => {
  if (value === 4 || value === 6) return value
  throw invalidArgument(what, value, '4 or 6')
}
