import { createRequire } from 'node:module'
import { fileURLToPath } from 'node:url'
import type { NativeRelayOptions, RelayStats } from '#binding'

/** What a faked relay does. */
export interface Behaviour {
  /** How long its start takes. */
  startDelayMs?: number
  /** Its start takes until a signal comes. */
  startAwaitsSignal?: boolean
  /** What its start fails with: the parts of a native error, or a message that is none. */
  startError?: object | string
  /** What it ends with, */
  failure?: object | string
  /** and after how long. */
  failAfterMs?: number
  /** What is reported while it starts. */
  events?: { kind: string; message: string }[]
  /** Its counters; else each has a number of its own. */
  stats?: RelayStats | 'throw'
}

interface Fake {
  behaviours: Map<string, Behaviour>
  calls: Map<string, NativeRelayOptions>
  closings: Map<string, number>
}

const PATH = fileURLToPath(new URL('fakeBinding.cjs', import.meta.url))

/** Puts the fake in the native layer's place, for all of this process; to be called before its first use. */
export function fakeBinding(): Fake {
  process.env['NAPI_RS_NATIVE_LIBRARY_PATH'] = PATH
  return createRequire(import.meta.url)(PATH) as Fake
}

/** The environment that makes a program use the fake. */
export function fakeEnvironment(behaviour: Behaviour = {}): Record<string, string> {
  return { NAPI_RS_NATIVE_LIBRARY_PATH: PATH, FAKE_BINDING: JSON.stringify(behaviour) }
}
