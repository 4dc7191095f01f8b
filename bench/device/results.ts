import type { Machine } from '../results.ts'

/** Version of the shape below; a file of another is refused. */
export const FORMAT = 1

/** The goal of a figure, as a factor of the reference's or, without a reference, as a value. */
export interface Bound {
  readonly least?: number
  readonly most?: number
}

/** A participant of a figure. */
export interface Entry {
  readonly id: string
  readonly title: string
  /** The entry whose median this one's is divided by. */
  readonly reference?: string
  readonly bound?: Bound
}

/** One thing that is measured. */
export interface Figure {
  readonly id: string
  readonly title: string
  readonly unit: string
  readonly entries: readonly Entry[]
}

/** The result of one round of one entry. */
export interface Sample {
  readonly entry: string
  /** From 0. */
  readonly round: number
  readonly value: number
}

/** A figure with all its rounds, in the order in which they were run. */
export interface Measured extends Figure {
  readonly samples: readonly Sample[]
}

/** Everything that a run gave. */
export interface DeviceResults {
  readonly format: typeof FORMAT
  /** ISO 8601, UTC. */
  readonly date: string
  readonly commit: string
  /** The arguments behind `npm run bench:device --`. */
  readonly command: string
  readonly machine: Machine
  /** Of the programs that were used, by their names. */
  readonly versions: Readonly<Record<string, string>>
  readonly rounds: number
  /** Other packages that could not be had, and why. */
  readonly missing: readonly { readonly title: string; readonly reason: string }[]
  readonly figures: readonly Measured[]
}

/** Reads what a run wrote. */
export function parseResults(text: string, file: string): DeviceResults {
  const results = JSON.parse(text) as { format?: unknown }
  if (results.format === FORMAT) return results as DeviceResults
  throw new Error(
    `${file} is of format ${String(results.format)}, expected ${FORMAT}: run \`npm run bench:device\` anew`,
  )
}
