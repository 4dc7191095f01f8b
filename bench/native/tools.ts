import { join } from 'node:path'
import { execa } from 'execa'
import { SOURCES, cached, sourcesIn } from './cache.ts'

const PROGRAMS = [
  ...(['blast', 'echo', 'fill', 'pingpong', 'plain', 'probe', 'request'] as const),
  ...(['sink', 'streams', 'tunloop', 'withtun'] as const),
] as const

/** Paths of the programs in C that are built from this folder. */
export type Tools = Readonly<Record<(typeof PROGRAMS)[number], string>>

/** Builds the programs in C, unless they exist. */
export async function buildTools(signal?: AbortSignal): Promise<Tools> {
  const compiler = await versionOf('cc', ['--version'])
  if (compiler === undefined) {
    throw new Error('there is no C compiler (cc): on Debian run "apt-get install gcc libc6-dev"')
  }
  const sources = sourcesIn('.').filter((file) => /\.[ch]$/u.test(file))
  const directory = await cached('tools', sources, compiler, async (aside) => {
    for (const program of PROGRAMS) {
      const flags = ['-O2', '-Wall', '-Wextra', '-Werror', '-o', join(aside, program)]
      await execa(
        'cc',
        [...flags, join(SOURCES, `${program}.c`)],
        signal && { cancelSignal: signal },
      )
    }
  })
  return Object.fromEntries(PROGRAMS.map((name) => [name, join(directory, name)])) as Tools
}

/**
 * Returns the version that a program prints: its first line, or the first match of a pattern; nothing if the
 * program cannot be run.
 */
export async function versionOf(
  program: string,
  args: readonly string[],
  pattern = /^.*$/mu,
): Promise<string | undefined> {
  const { stdout, failed } = await execa(program, args, { reject: false, stdin: 'ignore' })
  return failed ? undefined : pattern.exec(stdout)?.[0]
}
