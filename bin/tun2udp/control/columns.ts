/** A column of a table. */
export interface Column<Row> {
  readonly title: string
  readonly isNumber?: boolean
  /** The text of a row; a list is written below each other. */
  readonly text: (row: Row) => string | readonly string[]
}

const GAP = '  '

/** Returns the lines of a table: the titles, and the rows. Columns that are empty in all rows are left out. */
export function formatColumns<Row>(
  columns: readonly Column<Row>[],
  rows: readonly Row[],
): string[] {
  const cells = rows.map((row) => columns.map(({ text }) => [text(row)].flat()))
  const used = columns
    .map((column, at) => ({ ...column, at }))
    .filter(({ at }) => cells.some((row) => (row[at] ?? []).some((line) => line !== '')))
  const all = [columns.map(({ title }) => [title]), ...cells]
  const widths = new Map(
    used.map(({ at }) => [
      at,
      Math.max(...all.flatMap((row) => (row[at] ?? []).map((line) => line.length))),
    ]),
  )
  return all.flatMap((row) => {
    const height = Math.max(1, ...used.map(({ at }) => row[at]?.length ?? 0))
    return Array.from({ length: height }, (_, line) =>
      used
        .map(({ at, isNumber }) => {
          const text = row[at]?.[line] ?? ''
          const width = widths.get(at) ?? 0
          return isNumber ? text.padStart(width) : text.padEnd(width)
        })
        .join(GAP)
        .trimEnd(),
    )
  })
}

/** Returns a line without control characters: a text of another process could contain sequences of the terminal. */
export function printable(line: string): string {
  return line.replaceAll(/[\p{Cc}\p{Cf}\u2028\u2029]/gu, '?')
}

const PROBLEM = '  problem: '

/** Returns the lines of a terminal for one line: a problem is wrapped between words, all others stay whole. */
export function wrapProblem(line: string, columns: number): string[] {
  const width = columns - PROBLEM.length
  if (!line.startsWith(PROBLEM) || width < 20) return [line]
  const lines = ['']
  for (const word of line.slice(PROBLEM.length).split(' ')) {
    const last = lines.at(-1) ?? ''
    if (last !== '' && last.length + 1 + word.length > width) lines.push(word)
    else lines[lines.length - 1] = last === '' ? word : `${last} ${word}`
  }
  return lines.map((text, index) => `${index === 0 ? PROBLEM : ' '.repeat(PROBLEM.length)}${text}`)
}
