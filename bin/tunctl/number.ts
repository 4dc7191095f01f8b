/** The largest and smallest `long` of a 64-bit machine, which strtol(3) returns for numbers out of range. */
const LONG_MAX = 2n ** 63n - 1n
const LONG_MIN = -(2n ** 63n)

/** Blanks, a sign, and hexadecimal, octal or decimal digits, as strtol(3) accepts them in base 0. */
const NUMBER =
  /^[ \t\n\v\f\r]*(?<sign>[+-]?)(?:0x(?<hexadecimal>[\da-f]+)|0(?<octal>[0-7]*)|(?<decimal>[1-9]\d*))$/iu

/**
 * Parses a number as a C program does with strtol(3) in base 0 and an `int`: truncated to 32 bits, signed. An empty text
 * is 0.
 *
 * @returns undefined if characters are left over.
 */
export function parseInteger(text: string): number | undefined {
  if (text === '') return 0
  const groups = NUMBER.exec(text)?.groups
  if (!groups) return undefined
  const { sign, hexadecimal, octal, decimal } = groups
  const magnitude =
    hexadecimal === undefined
      ? BigInt(decimal ?? `0o${octal === '' ? '0' : (octal ?? '')}`)
      : BigInt(`0x${hexadecimal}`)
  const value = sign === '-' ? -magnitude : magnitude
  const long = value > LONG_MAX ? LONG_MAX : value < LONG_MIN ? LONG_MIN : value
  return Number(BigInt.asIntN(32, long))
}
