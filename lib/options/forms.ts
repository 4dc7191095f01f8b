import { abortSignal } from '../check/abort.ts'
import { flag, integer } from '../check/fields.ts'
import { invalidArgument } from '../errors.ts'
import { checkCloneDevice, checkMtu, checkName } from '../check/interface.ts'
import { MTU_MAX, MTU_MIN } from '../check/limits.ts'
import { checkNamespace } from '../check/namespace.ts'
import type { Form, Spelling } from './table.ts'
import { checkId } from '../check/user.ts'

// Forms that are used by the options of several functions.

/** The largest number of the C type `int`. */
const INT_MAX = 2_147_483_647

/** Returns the form of a value that a function checks. */
export function checked<T>(type: string, check: (value: unknown) => T): Form<T> {
  return { type, check: (_, value) => check(value) }
}

const wholeNumber: Spelling = {
  parse: (text) => (/^\d{1,10}$/u.test(text) ? Number(text) : undefined),
  expected: 'a whole number',
}

/** Returns the form of a whole number in a range that includes both ends. */
export function whole(lowest: number, highest = INT_MAX): Form<number> {
  const range = [lowest, highest] as const
  return { type: 'number', check: integer(lowest, highest), range, spelling: wholeNumber }
}

/** Returns the form of one of several words. */
export function oneOf<const W extends string>(...words: readonly W[]): Form<W> {
  const isWord = (value: unknown): value is W => (words as readonly unknown[]).includes(value)
  return {
    type: words.map((word) => `'${word}'`).join(' | '),
    check: (what, value) => {
      if (isWord(value)) return value
      throw invalidArgument(what, value, either(words.map((word) => JSON.stringify(word))))
    },
    spelling: {
      parse: (text) => (isWord(text) ? text : undefined),
      expected: either(words),
    },
    completion: { words },
  }
}

/**
 * Returns the form of a whole number in a range that includes both ends, or of one of several words. For a word, the
 * native layer gets its value in `words`.
 */
export function wholeOr<const W extends string, V extends number | undefined>(
  lowest: number,
  highest: number,
  words: Readonly<Record<W, V>>,
): Form<number | V> {
  const names = Object.keys(words) as W[]
  const isWord = (value: unknown): value is W => (names as readonly unknown[]).includes(value)
  const isInRange = (value: unknown): value is number =>
    Number.isInteger(value) && (value as number) >= lowest && (value as number) <= highest
  const digits = new RegExp(`^\\d{1,${String(highest).length}}$`, 'u')
  // A single word is set off by a comma: `a whole number from 1 to 9, or auto`.
  const expected = (list: readonly string[]) =>
    `a whole number from ${lowest} to ${highest}, ${list.length === 1 ? 'or ' : ''}${either(list)}`
  return {
    type: ['number', ...names.map((word) => `'${word}'`)].join(' | '),
    range: [lowest, highest],
    check: (what, value) => {
      if (isWord(value)) return words[value]
      if (isInRange(value)) return value
      throw invalidArgument(what, value, expected(names.map((word) => JSON.stringify(word))))
    },
    spelling: {
      parse: (text) => {
        if (isWord(text)) return text
        const value = digits.test(text) ? Number(text) : undefined
        return isInRange(value) ? value : undefined
      },
      expected: expected(names),
    },
    completion: { words: names },
  }
}

/** Joins words: `a`, `a or b`, `a, b or c`. */
function either(words: readonly string[]): string {
  return [...words.slice(0, -2), words.slice(-2).join(' or ')].join(', ')
}

/** A boolean. */
export const yesOrNo: Form<boolean> = { type: 'boolean', check: flag }

/** The name of an interface. */
export const interfaceName = checked('string', checkName)

/** The path of the clone device. */
export const cloneDevicePath = checked('string', checkCloneDevice)

/** An MTU in bytes. */
export const mtuBytes: Form<number> = {
  ...checked('number', checkMtu),
  range: [MTU_MIN, MTU_MAX],
  spelling: wholeNumber,
}

/** A network namespace. */
export const namespace: Form<string> = {
  ...checked('string | number', checkNamespace),
  completion: 'namespace',
}

/** Returns the form of a user or a group, by name or number. */
export function idOf(what: 'user' | 'group'): Form<string> {
  return checked('string | number', (value) => checkId(what, value))
}

/** An abort signal. */
export const signal: Form<AbortSignal> = { type: 'AbortSignal', check: abortSignal }
