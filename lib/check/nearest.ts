/** The maximum number of edits between a mistyped name and the suggested one. */
const DISTANCE_MAX = 3

/**
 * Returns the known name that is most similar to a mistyped one, or `undefined` if none is close: at most 3 edits,
 * and less than half of its letters. The comparison ignores case.
 */
export function nearestName(given: string, known: readonly string[]): string | undefined {
  let nearest: string | undefined
  let least = DISTANCE_MAX + 1
  for (const name of known) {
    // The given name can have any length.
    if (Math.abs(given.length - name.length) > DISTANCE_MAX) continue
    const distance = editDistance(given.toLowerCase(), name.toLowerCase())
    const longer = Math.max(given.length, name.length)
    if (distance < least && distance * 2 < longer) {
      nearest = name
      least = distance
    }
  }
  return nearest
}

/** Returns how many letters must be inserted, removed, replaced or swapped with their neighbor. */
function editDistance(from: string, to: string): number {
  let beforeLast: number[] = []
  let last = Array.from({ length: to.length + 1 }, (_, column) => column)
  for (let row = 1; row <= from.length; row++) {
    const current = [row]
    for (let column = 1; column <= to.length; column++) {
      const isSame = from[row - 1] === to[column - 1]
      const edits = [
        at(last, column) + 1,
        at(current, column - 1) + 1,
        at(last, column - 1) + (isSame ? 0 : 1),
      ]
      const isSwap = from[row - 1] === to[column - 2] && from[row - 2] === to[column - 1]
      if (isSwap) edits.push(at(beforeLast, column - 2) + 1)
      current.push(Math.min(...edits))
    }
    beforeLast = last
    last = current
  }
  return at(last, to.length)
}

function at(row: readonly number[], column: number): number {
  return row[column] ?? Number.POSITIVE_INFINITY
}
