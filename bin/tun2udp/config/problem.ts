import { TunError } from '../../../index.ts'

/** A position in a text. Line and column begin with 1; columns count characters of UTF-16. */
export interface Position {
  readonly line: number
  readonly column: number
}

/** Returns the position of an offset. */
export function positionOf(text: string, offset: number): Position {
  const before = text.slice(0, offset)
  const breaks = [...before.matchAll(/\r\n|\n|\r/gu)]
  const last = breaks.at(-1)
  const start = last === undefined ? 0 : last.index + last[0].length
  return { line: breaks.length + 1, column: before.length - start + 1 }
}

/** Returns the error of a wrong configuration file: `FILE:LINE:COLUMN: REASON`. */
export function problem(
  file: string,
  { line, column }: Position,
  reason: string,
  cause?: unknown,
): TunError {
  return new TunError(
    `${file}:${line}:${column}: ${reason}`,
    { code: 'ERR_TUN_INVALID_ARGUMENT', subject: file },
    { cause },
  )
}
