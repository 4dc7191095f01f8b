import { invalidArgument } from '../errors.ts'

/** Checks a user and its group, names or numbers; gives `NAME[:GROUP]`. */
export function checkUser(user: unknown, group?: unknown): string {
  const name = checkPrincipal('user', user)
  return group === undefined ? name : `${name}:${checkPrincipal('group', group)}`
}

/** Checks the name or number of a user or group. */
export function checkPrincipal(what: 'user' | 'group', name: unknown): string {
  // What is not of this form cannot be in passwd(5) or group(5): they part their fields by colons.
  if (typeof name === 'string' && /^[^\s:\0-][^\s:\0]{0,255}$/u.test(name)) return name
  throw invalidArgument(what, name, `the name or the number of a ${what}`)
}
