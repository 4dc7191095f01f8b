/** Largest and smallest `long` of a 64-bit machine: strtol(3) answers them for what is beyond. */
const LONG_MAX = 2n ** 63n - 1n
const LONG_MIN = -(2n ** 63n)

/**
 * Blanks, a sign, and hexadecimal, octal or decimal digits, as strtol(3) takes them in base 0.
 */
const NUMBER =
  /^[ \t\n\v\f\r]*(?<sign>[+-]?)(?:0x(?<hexadecimal>[\da-f]+)|0(?<octal>[0-7]*)|(?<decimal>[1-9]\d*))$/iu

/**
 * A number as a C program reads it by strtol(3) in base 0 into an `int`: cut to 32 bits, with its sign.
 *
 * @returns nothing where characters are left over. No characters at all are 0.
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
