import type { Relay } from '../../../index.ts'
import type { Reloader } from '../config/reload.ts'
import type { HandedOver } from '../handover/handedOver.ts'
import type { Output } from '../output.ts'
import type { Connection } from './connection.ts'

/** The parts of the program that requests use. */
export interface ProgramParts {
  readonly output: Output
  /** Ends the program as SIGTERM does. */
  readonly end: () => void
  /** Called before the relay is released, because another process has it. */
  readonly onHandedOver: (handedOver: HandedOver) => void
  /** Reads the configuration file again; absent if there is none. */
  readonly reloader: Reloader | undefined
}

/** The relay, and the time of its start. */
export interface Served {
  readonly relay: Relay
  /** When the relay was ready, in the time of `performance.now()`. */
  readonly startedAtMs: number
}

/** The objects that a request works with before the relay is ready. */
export interface EarlyContext extends ProgramParts {
  /** The connection that the request came from. */
  readonly connection: Connection
}

/** The objects that a request works with. */
export interface Context extends EarlyContext, Served {}

/** Returns the result of a request, an object of JSON, or throws. */
export type Method = (params: unknown, context: Context) => Promise<unknown>

/** A method that can be used before the relay is ready. */
export type EarlyMethod = (params: unknown, context: EarlyContext) => Promise<unknown>
