import { invalidArgument } from '../errors.ts'

/** Checks a user or group: a name or a number, as passwd(5) and group(5) have them. */
export function checkPrincipal(what: 'user' | 'group', name: unknown): string {
  // What is not of this form cannot be in the files: they part their fields with colons.
  if (typeof name === 'string' && /^[^\s:\0-][^\s:\0]{0,255}$/u.test(name)) return name
  throw invalidArgument(what, name, `the name or the number of a ${what}`)
}
