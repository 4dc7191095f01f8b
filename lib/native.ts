import { TunError } from './errors.ts'

/** What the native addon exports (crate/node/src). */
export type Native = typeof import('#binding')

/**
 * The native addon, loaded at its first use: `--help` and a mistyped argument need none.
 *
 * @throws {TunError} `ERR_TUN_NATIVE_LOAD` with the loader's own reason.
 */
export async function loadNative(): Promise<Native> {
  try {
    const native = await import('#binding')
    closeAtExit(native)
    return native
  } catch (error) {
    throw new TunError(
      `load the native addon for ${process.platform}-${process.arch}: ${reasonOf(error)}; ` +
        'in a clone of the repository run `npm run build`, elsewhere install the package again',
      { code: 'ERR_TUN_NATIVE_LOAD', subject: `${process.platform}-${process.arch}` },
      { cause: error },
    )
  }
}

let closesAtExit = false

/** `process.exit()` and an uncaught exception run no clean-up of the native layer, but this event. */
function closeAtExit(native: Native): void {
  if (closesAtExit) return
  closesAtExit = true
  process.once('exit', () => {
    native.closeRelays()
  })
}

/** The innermost cause, on one line: the generated loader wraps what dlopen(3) said. */
function reasonOf(error: unknown): string {
  let innermost = error
  while (innermost instanceof Error && innermost.cause instanceof Error) innermost = innermost.cause
  const text = innermost instanceof Error ? innermost.message : String(innermost)
  return text.trim().replaceAll(/\s*\n\s*/gu, ' ')
}
