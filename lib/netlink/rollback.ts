import { TunError, messageOf, type TunErrorCode } from '../errors.ts'
import type { Route, RouteSpec } from './routeTypes.ts'

/** A change that `ensure` made. */
export type Change =
  | { readonly what: 'mtu'; readonly from: number; readonly to: number }
  | { readonly what: 'up'; readonly from: boolean; readonly to: boolean }
  | { readonly what: 'address'; readonly added: string }
  | {
      readonly what: 'route'
      readonly added: RouteSpec
      /** The previous route, which conflicted with the added one. */
      readonly replaced?: Route
    }

/** A change, and how to roll it back. */
export interface Step {
  readonly change: Change
  /** Rolls the change back, if the setting still has the value that was set. */
  readonly back: () => Promise<void>
}

/** Some changes of `ensure` could not be rolled back. The others were rolled back. */
export class RollbackError extends TunError {
  /** The changes that are still in place. */
  readonly changes: readonly Change[]

  /** @internal */
  constructor(
    message: string,
    code: TunErrorCode,
    changes: readonly Change[],
    options: ErrorOptions,
  ) {
    super(message, { code }, options)
    this.changes = changes
  }
}

interface Failure {
  readonly step: Step
  readonly error: TunError
}

/** The changes of one call that are still in place. */
export class Rollback {
  readonly #subject: string
  #steps: readonly Step[] = []

  constructor(subject: string) {
    this.#subject = subject
  }

  /** Adds a change. */
  add(step: Step): void {
    this.#steps = [...this.#steps, step]
  }

  /** The changes that are still in place, in the order in which they were made. */
  get changes(): Change[] {
    return this.#steps.map(({ change }) => change)
  }

  /**
   * Rolls all changes back, the last first. A change that cannot be rolled back is kept for the next call and does
   * not stop the rollback of earlier ones.
   *
   * @throws {RollbackError} some changes are still in place.
   */
  async run(): Promise<void> {
    const count = this.#steps.length
    const failures = await this.#runAll()
    const [first] = failures
    if (!first) return
    const message = `roll back the changes of ${this.#subject}: ${failures.length} of ${count} failed: ${describe(failures)}`
    const cause = failures.length === 1 ? first.error : new AggregateError(errorsOf(failures))
    throw new RollbackError(message, first.error.code, this.changes, { cause })
  }

  /** Rolls all changes back after an error. Returns that error, with the changes that are still in place. */
  async runAfter(error: unknown): Promise<unknown> {
    const failures = await this.#runAll()
    if (failures.length === 0) return error
    const original = messageOf(error)
    const message = `${original}; and what was changed before could not be rolled back: ${describe(failures)}`
    const code = error instanceof TunError ? error.code : 'ERR_TUN_INTERNAL'
    return new RollbackError(message, code, this.changes, { cause: error })
  }

  async #runAll(): Promise<Failure[]> {
    const failures: Failure[] = []
    for (const step of this.#steps.toReversed()) {
      try {
        await step.back()
      } catch (error) {
        failures.unshift({ step, error: asTunError(error) })
      }
    }
    this.#steps = failures.map(({ step }) => step)
    return failures
  }
}

function errorsOf(failures: readonly Failure[]): TunError[] {
  return failures.map(({ error }) => error)
}

function describe(failures: readonly Failure[]): string {
  return failures.map(({ step, error }) => `${name(step.change)} (${error.message})`).join(', ')
}

function name(change: Change): string {
  if (change.what === 'address') return `address ${change.added}`
  if (change.what === 'route') return `route ${change.added.destination}`
  return change.what === 'mtu' ? 'the MTU' : 'the state'
}

function asTunError(error: unknown): TunError {
  if (error instanceof TunError) return error
  return new TunError(messageOf(error), { code: 'ERR_TUN_INTERNAL' }, { cause: error })
}

/** Returns `undefined` for an error that reports a missing object; throws any other. */
export function absentIfGone(error: unknown): undefined {
  const gone = ['ERR_TUN_NOT_FOUND', 'ERR_TUN_ADDRESS_NOT_AVAILABLE']
  if (error instanceof TunError && gone.includes(error.code)) return undefined
  throw error
}

/** Waits for the removal of an object that may already be removed. */
export async function unlessGone(promise: Promise<void>): Promise<void> {
  await promise.catch(absentIfGone)
}

/** Returns whether an error reports that the object exists. */
export function isThere(error: unknown): boolean {
  return error instanceof TunError && error.code === 'ERR_TUN_EXISTS'
}
