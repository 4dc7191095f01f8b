import { createRequire } from 'node:module'
import { fileURLToPath } from 'node:url'
import type { NativeRelayOptions, RelayStats } from '#binding'

/** Behaviour of a fake relay. */
export interface Behaviour {
  /** Duration of its start. */
  startDelayMs?: number
  /** Its start waits for a signal. */
  startAwaitsSignal?: boolean
  /** Error of its start: the parts of a native error, or any other message. */
  startError?: object | string
  /** Error that ends it. */
  failure?: object | string
  /** Time until `failure`. */
  failAfterMs?: number
  /** Events that it reports during its start. */
  events?: { kind: string; message: string }[]
  /** Its counters. Default: {@link FAKE_STATS}. */
  stats?: RelayStats | 'throw'
}

interface Fake {
  behaviours: Map<string, Behaviour>
  calls: Map<string, NativeRelayOptions>
  closings: Map<string, number>
  stats: RelayStats
}

const PATH = fileURLToPath(new URL('fakeBinding.cjs', import.meta.url))

const FAKE = createRequire(import.meta.url)(PATH) as Fake

/** Counters of a fake relay, each with another value. */
export const FAKE_STATS: RelayStats = FAKE.stats

/** Replaces the native layer of this process by the fake. Must be called before the first use of the layer. */
export function fakeBinding(): Fake {
  process.env['NAPI_RS_NATIVE_LIBRARY_PATH'] = PATH
  return FAKE
}

/** Returns the environment variables that make a program use the fake. */
export function fakeEnvironment(behaviour: Behaviour = {}): Record<string, string> {
  return { NAPI_RS_NATIVE_LIBRARY_PATH: PATH, FAKE_BINDING: JSON.stringify(behaviour) }
}
