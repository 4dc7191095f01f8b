/** The middle value, or the mean of the two in the middle; nothing of nothing. */
export function median(values: readonly number[]): number | undefined {
  const sorted = [...values].sort((a, b) => a - b)
  const upper = sorted[sorted.length >> 1]
  if (upper === undefined || sorted.length % 2 === 1) return upper
  const lower = sorted[(sorted.length >> 1) - 1] ?? upper
  return (lower + upper) / 2
}

/** Half the distance between the least and the greatest, as a part of the median. */
export function spread(values: readonly number[]): number | undefined {
  const middle = median(values)
  if (middle === undefined || middle === 0) return undefined
  return (Math.max(...values) - Math.min(...values)) / 2 / middle
}

/** One value by another, where both are there. */
export function ratio(value: number | undefined, base: number | undefined): number | undefined {
  return value === undefined || base === undefined || base === 0 ? undefined : value / base
}

/** Sums over shares of one resource. */
export interface Shares {
  readonly count: number
  readonly sum: number
  /** Sum of the squares of the shares. */
  readonly squares: number
}

/** Returns Jain's index of fairness: 1 if all shares are equal, 1 / count if one has everything. */
export function fairness({ count, sum, squares }: Shares): number | undefined {
  return ratio(sum * sum, count * squares)
}
