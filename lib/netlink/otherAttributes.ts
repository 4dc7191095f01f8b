import { type Check, type Fields, flag, integer, list, nested } from '../check/fields.ts'
import { invalidArgument } from '../errors.ts'

/**
 * An attribute that this package does not interpret, as the kernel sent it. Pass it back when you change a listed
 * object, so that the object keeps the property.
 */
export interface OtherAttribute {
  /** Its type in the kernel's headers: 22 in a route is `RTA_ENCAP`, an encapsulation. */
  readonly type: number
  /** Its payload, two hexadecimal digits per byte. */
  readonly value: string
  /** The kernel marked it as a container of attributes (`NLA_F_NESTED`). Default: false. */
  readonly nested?: boolean
}

const hexadecimal: Check = (what, value) => {
  if (typeof value === 'string' && /^(?:[\da-f]{2})*$/iu.test(value)) return value
  throw invalidArgument(what, value, 'two hexadecimal digits per byte')
}

const FIELDS: Fields = { type: integer(1, 16_383), value: hexadecimal, nested: flag }

const complete: Check = (what, value) => {
  const checked = nested(FIELDS)(what, value) as Partial<OtherAttribute>
  if (checked.type !== undefined && checked.value !== undefined) return checked
  throw invalidArgument(what, value, 'attributes with a type and a value, as they were listed')
}

/** Checks a list of uninterpreted attributes. */
export const otherAttributes: Check = list(complete)
