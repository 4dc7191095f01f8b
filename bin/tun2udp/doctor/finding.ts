/**
 * How a finding affects a tunnel: `ok`: as it should be; `note`: works, but slower or with a limit; `problem`: a tunnel
 * cannot be started.
 */
export type Level = 'ok' | 'note' | 'problem'

/** The result of one check of this machine. */
export interface Finding {
  /** The subject of the check: a stable name of one or two words. */
  readonly check: string
  readonly level: Level
  /** The state that was found, on one line. */
  readonly found: string
  /** The effect on a tunnel: one or two sentences. */
  readonly meaning: string
  /** The remedy. Absent: nothing is needed. */
  readonly advice?: string
}

/** A finding, without the name of its check. */
export type State = Omit<Finding, 'check'>
