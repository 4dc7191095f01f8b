import { join } from 'node:path'
import { execa } from 'execa'
import { SOURCES } from './cache.ts'

const SCRIPT = join(SOURCES, '../../scripts/bench-peer.sh')

/**
 * Returns the path of a program of a Debian package: that of the system, or one in the cache, where
 * scripts/bench-peer.sh unpacks the package. Rejects with the reason if it is not available.
 */
export async function debianProgram(
  name: string,
  program: string,
  signal: AbortSignal,
): Promise<string> {
  const { stdout, stderr, failed } = await execa(SCRIPT, [name, program], {
    reject: false,
    stdin: 'ignore',
    cancelSignal: signal,
  })
  if (!failed) return stdout.trim()
  throw new Error(stderr.trim().split('\n').at(-1) ?? `${SCRIPT} failed`)
}

/** Returns the part of a program's output that is its version. Its exit status does not matter. */
export async function printed(
  program: string,
  args: readonly string[],
  pattern: RegExp,
): Promise<string> {
  const { all } = await execa(program, args, {
    reject: false,
    stdin: 'ignore',
    all: true,
    timeout: 10_000,
  })
  const [version] = pattern.exec(all) ?? []
  if (version === undefined) throw new Error(`${program} did not print its version`)
  return version
}
