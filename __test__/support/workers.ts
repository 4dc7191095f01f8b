import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import type { Namespace } from './namespace.ts'
import { cleanEnvironment } from './program.ts'

const execute = promisify(execFile)

/** The result of a run of `workers/main.mjs`. */
export interface WorkersReport {
  workers: number
  /** The leftovers: the targets of descriptors, the names of threads and of devices. */
  left: Record<'descriptors' | 'threads' | 'devices', readonly string[]>
}

/** Variables that `scripts/soak-workers.sh` sets to run the addon under AddressSanitizer. */
const SANITIZER = ['LD_PRELOAD', 'ASAN_OPTIONS', 'NAPI_RS_NATIVE_LIBRARY_PATH']

/**
 * Runs a module of `workers/` in its own Node process inside the namespace, and parses the JSON that it prints.
 * Rejects with its output on stderr, for example a panic, even if its status is 0.
 */
export async function runWorkers<T>(
  { name }: Namespace,
  module: string,
  options: { arguments?: readonly string[]; timeoutMs: number },
): Promise<T> {
  const file = fileURLToPath(new URL(`workers/${module}`, import.meta.url))
  const variables = SANITIZER.flatMap((variable) => {
    const value = process.env[`TUN2UDP_WORKERS_${variable}`]
    return value === undefined ? [] : [`${variable}=${value}`]
  })
  const command = ['netns', 'exec', name, 'env', ...variables, process.execPath, file]
  const { stdout, stderr } = await execute('ip', [...command, ...(options.arguments ?? [])], {
    env: cleanEnvironment(),
    timeout: options.timeoutMs,
    maxBuffer: 64 * 2 ** 20,
  })
  if (stderr !== '') throw new Error(stderr)
  return JSON.parse(stdout) as T
}
