import { isUint8Array } from 'node:util/types'
import type { Check } from '../../check/fields.ts'
import { invalidArgument } from '../../errors.ts'

/** Checks bytes, or text that is encoded as UTF-8. */
export const payload: Check<Uint8Array> = (what, value) => {
  if (isUint8Array(value)) return value
  if (typeof value === 'string') return Buffer.from(value)
  throw invalidArgument(what, value, 'a Uint8Array or text')
}
