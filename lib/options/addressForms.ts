import { type Check, list } from '../check/fields.ts'
import { parseAddress, parseRoute } from '../check/address.ts'
import type { Form } from './table.ts'

// The forms of addresses, in a file of their own: tunctl does without the parser of addresses.

/** Addresses of an interface. The native layer reads the same text. */
export const interfaceAddresses = texts(parseAddress)

/** Networks of routes. The native layer reads the same text. */
export const networks = texts(parseRoute)

function texts(parse: (text: string) => unknown): Form<string[]> {
  const text: Check<string> = (_, value) => {
    parse(value as string)
    return value as string
  }
  return { type: 'readonly string[]', check: list(text, 'an array of strings') }
}
