import type { InspectOptions, inspect } from 'node:util'

/** A view that can be printed: its fields without the bytes. */
export interface Printable {
  toJSON(): Readonly<Record<string, unknown>>
}

/** Returns what `console.log` prints of a view: the name of its class and its fields. */
export function describe(
  view: Printable,
  depth: number,
  options: InspectOptions,
  print: typeof inspect,
): string {
  const { name } = view.constructor
  if (depth < 0) return `[${name}]`
  return `${name} ${print(view.toJSON(), options)}`
}

/** Returns the fields that have a value, and the nested views as their own fields. */
export function fieldsOf(
  fields: Readonly<Record<string, unknown>>,
): Readonly<Record<string, unknown>> {
  const entries = Object.entries(fields).filter(([, value]) => value !== undefined)
  return Object.fromEntries(
    entries.map(([name, value]) => [name, isPrintable(value) ? value.toJSON() : value]),
  )
}

function isPrintable(value: unknown): value is Printable {
  return typeof value === 'object' && value !== null && 'toJSON' in value
}
