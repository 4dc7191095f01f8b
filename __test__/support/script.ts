import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import type { Namespace } from './namespace.ts'
import { cleanEnvironment } from './program.ts'

const execute = promisify(execFile)
/** Shorter than the time limit of AVA; `scripts/soak-device.sh` sets a longer one. */
const TIMEOUT_MS = Number(process.env['TUN2UDP_PATIENCE_MS'] ?? 110_000)

/** The built package, for scripts that run in their own Node process. */
export const INDEX = new URL('../../dist/index.js', import.meta.url).href

/** Runs a module in its own Node process inside the namespace and returns its output. */
export async function runModule(
  { name }: Namespace,
  script: string,
  ...flags: string[]
): Promise<string> {
  const node = [process.execPath, ...flags, '--input-type=module', '-e', script]
  const options = { env: cleanEnvironment(), timeout: TIMEOUT_MS }
  const { stdout } = await execute('ip', ['netns', 'exec', name, ...node], options)
  return stdout.trim()
}

/** Runs a file of `__test__/support` in a separate Node process inside the namespace, and returns its output. */
export async function runScript(
  { name }: Namespace,
  file: string | readonly [file: string, ...parameters: string[]],
  ...flags: string[]
): Promise<string> {
  const [script, ...parameters] = typeof file === 'string' ? [file] : file
  const path = fileURLToPath(new URL(script, import.meta.url))
  const options = { env: cleanEnvironment(), timeout: TIMEOUT_MS }
  const node = [process.execPath, ...flags, path, ...parameters]
  const { stdout } = await execute('ip', ['netns', 'exec', name, ...node], options)
  return stdout.trim()
}
