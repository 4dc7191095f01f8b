import { requireAddon } from './addon.ts'
import { hostOf } from './host.ts'

/** The exports of the native addon (crate/node/src). */
export type Native = typeof import('#binding')

let loaded: Native | undefined

/**
 * The native addon, loaded at its first use: `--help` and a mistyped argument need none, and the package
 * can be imported where there is no addon.
 *
 * @throws {TunError} `ERR_TUN_NATIVE_LOAD`: which file was tried, the loader's own reason, what to do.
 */
// eslint-disable-next-line @typescript-eslint/require-await -- what is thrown is a rejection
export async function loadNative(): Promise<Native> {
  return loadNativeNow()
}

/** Returns what {@link loadNative} does, for synchronous functions. */
export function loadNativeNow(): Native {
  if (loaded === undefined) {
    loaded = requireAddon(hostOf()) as Native
    closeAtExit(loaded)
  }
  return loaded
}

/** `process.exit()` and an uncaught exception run no clean-up of the native layer, but this event. */
function closeAtExit(native: Native): void {
  process.once('exit', () => {
    native.closeRelays()
  })
}
