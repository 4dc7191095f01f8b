import { isIP } from 'node:net'
import { invalidArgument } from '../errors.ts'
import { checkList } from '../options/check.ts'

/** Gives the value as the native layer wants it, or refuses it. */
export type Check = (what: string, value: unknown) => unknown

/** What each property of an object must be. */
export type Fields = Readonly<Record<string, Check>>

/**
 * Checks an object of options: no property that is not known, each of its form; what is undefined is
 * left out.
 *
 * @throws {TunError} `ERR_TUN_INVALID_ARGUMENT` that names the property.
 */
export function checkFields(what: string, given: unknown, fields: Fields): Record<string, unknown> {
  if (typeof given !== 'object' || given === null || Array.isArray(given)) {
    throw invalidArgument(what, given, 'an object')
  }
  const checked: Record<string, unknown> = {}
  for (const [name, value] of Object.entries(given)) {
    const check = Object.hasOwn(fields, name) ? fields[name] : undefined
    if (!check) {
      throw invalidArgument(`property of ${what}`, name, `one of ${Object.keys(fields).join(', ')}`)
    }
    if (value !== undefined) checked[name] = check(name, value)
  }
  return checked
}

/**
 * Checks what a delete is given: like {@link checkFields}, but a property whose value is `undefined` is
 * refused. Left out, it would make the delete fit more objects than the caller meant.
 *
 * @throws {TunError} `ERR_TUN_INVALID_ARGUMENT` that names the property.
 */
export function checkIdentity(
  what: string,
  given: unknown,
  fields: Fields,
): Record<string, unknown> {
  const checked = checkFields(what, given, fields)
  for (const name of Object.keys(given as object)) {
    if (!Object.hasOwn(checked, name)) {
      const expected = 'a value; leave out a property that does not identify the object to delete'
      throw invalidArgument(name, undefined, expected)
    }
  }
  return checked
}

/** An object within another. */
export function nested(fields: Fields): Check {
  return (what, value) => checkFields(what, value, fields)
}

/** An array, each element of which is checked. */
export function list(check: Check): Check {
  return (what, value) => {
    const elements: unknown[] = checkList(what, value, 'an array')
    return elements.map((element) => check(what, element))
  }
}

/** A whole number in a range, both ends in it. */
export function integer(lowest: number, highest: number): Check {
  return (what, value) => {
    if (isBetween(value, lowest, highest)) return value
    throw invalidArgument(what, value, `a whole number from ${lowest} to ${highest}`)
  }
}

function isBetween(value: unknown, lowest: number, highest: number): boolean {
  return Number.isInteger(value) && (value as number) >= lowest && (value as number) <= highest
}

/** A number of 32 bits. */
export const u32 = integer(0, 4_294_967_295)

/** One of some names, or the number of one that has none. */
export function named(names: readonly string[], highest: number): Check {
  return (what, value) => {
    if (typeof value === 'string' && names.includes(value)) return value
    if (isBetween(value, 0, highest)) return value
    throw invalidArgument(what, value, `one of ${names.join(', ')}, or a number up to ${highest}`)
  }
}

/** Yes or no. */
export const flag: Check = (what, value) => {
  if (typeof value === 'boolean') return value
  throw invalidArgument(what, value, 'true or false')
}

/** Text of at most so many bytes. */
export function text(lowest: number, highest: number): Check {
  return (what, value) => {
    if (typeof value === 'string' && !value.includes('\0')) {
      const bytes = Buffer.byteLength(value)
      if (bytes >= lowest && bytes <= highest) return value
    }
    throw invalidArgument(what, value, `text of ${lowest} to ${highest} bytes`)
  }
}

/** An IP address alone, without a zone, as inet_pton(3) reads it. */
export function ipAddress(family?: 4 | 6): Check {
  return (what, value) => {
    const version = typeof value === 'string' && !value.includes('%') ? isIP(value) : 0
    if (version !== 0 && (family === undefined || version === family)) return value
    throw invalidArgument(what, value, family ? `an IPv${family} address` : 'an IP address')
  }
}

/** A hardware address: bytes in hexadecimal, parted by colons. */
export const macAddress: Check = (what, value) => {
  const form = /^[\da-f]{2}(?::[\da-f]{2}){0,31}$/iu
  if (typeof value === 'string' && form.test(value)) return value
  throw invalidArgument(what, value, 'bytes in hexadecimal such as 02:00:00:00:00:01')
}

/** What names a link: its name, an alternative name, or its index. */
export const linkRef: Check = (what, value) => {
  if (isBetween(value, 1, 2_147_483_647)) return value
  if (typeof value === 'string' && /^[^\s/\0]{1,127}$/u.test(value)) return value
  throw invalidArgument(what, value, 'the name of an interface, or its index')
}

/** 4 or 6. */
export const family: Check = (what, value) => {
  if (value === 4 || value === 6) return value
  throw invalidArgument(what, value, '4 or 6')
}
