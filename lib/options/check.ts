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

/** Checks a list; what is in it, its own check looks at. */
export function checkList(what: string, list: unknown): string[] {
  if (Array.isArray(list)) return list as string[]
  throw invalidArgument(what, list, 'an array of strings')
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
