import { invalidArgument } from '../errors.ts'

/** Checks a user and its group, each a name or a number; returns `NAME[:GROUP]`. */
export function checkUser(user: unknown, group?: unknown): string {
  const name = checkPrincipal('user', user)
  return group === undefined ? name : `${name}:${checkPrincipal('group', group)}`
}

/** Checks the name or number of a user or group. */
function checkPrincipal(what: 'user' | 'group', name: unknown): string {
  // passwd(5) and group(5) separate their fields by colons, so their names cannot have any other form.
  if (typeof name === 'string' && /^[^\s:\0-][^\s:\0]{0,255}$/u.test(name)) return name
  throw invalidArgument(what, name, `the name or the number of a ${what}`)
}

/** The largest number of a user or group: the kernel uses 2^32 - 1 for "none". */
const ID_MAX = 4_294_967_294

/** Checks a user or a group, by name or by number. */
export function checkId(what: 'user' | 'group', id: unknown): string {
  if (typeof id !== 'number') return checkPrincipal(what, id)
  if (Number.isInteger(id) && id >= 0 && id <= ID_MAX) return String(id)
  throw invalidArgument(what, id, `a name, or a whole number from 0 to ${ID_MAX}`)
}
