import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import type { Namespace } from './namespace.ts'
import { cleanEnvironment } from './program.ts'

const execute = promisify(execFile)
/** Below the time that AVA gives a test; `scripts/soak-device.sh` has more. */
const TIMEOUT_MS = Number(process.env['TUN2UDP_PATIENCE_MS'] ?? 110_000)

/** The built package, for scripts that run in a Node of their own. */
export const INDEX = new URL('../../dist/index.js', import.meta.url).href

/** Runs a module in a Node of its own inside the namespace; gives what it printed. */
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
