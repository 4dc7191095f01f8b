import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { execa } from 'execa'
import { SOURCES, cached, sourcesIn } from './cache.ts'
import { versionOf } from './tools.ts'

/** A built program in Go. */
export interface GoProgram {
  readonly path: string
  /** The version of the module that it tests, and that of Go. */
  readonly version: string
}

/**
 * Builds a package from the module in a folder of the sources.
 *
 * @param module the module that the program tests, for its version.
 * @param target the package: `.`, or a package of another module that the folder's `go.mod` pins.
 */
export async function buildGo(
  folder: string,
  module: string,
  target: string,
  signal: AbortSignal,
): Promise<GoProgram> {
  const go = await versionOf('go', ['version'], /go\d\S*/u)
  if (go === undefined) throw new Error('there is no Go toolchain (go): see go.dev')
  const directory = await cached(folder, sourcesIn(folder), go, async (aside) => {
    const args = [
      'build',
      '-trimpath',
      '-buildvcs=false',
      '-mod=readonly',
      '-o',
      join(aside, folder),
    ]
    await execa('go', [...args, target], { cwd: join(SOURCES, folder), cancelSignal: signal })
  })
  const path = join(directory, folder)
  return { path, version: `${module} ${pinned(folder, module)}, ${go}` }
}

/** Returns a module's version in `go.mod`. */
function pinned(folder: string, module: string): string {
  const manifest = readFileSync(join(SOURCES, folder, 'go.mod'), 'utf8')
  const line = manifest.split('\n').find((text) => text.trim().includes(`${module} v`))
  return /\sv\S+/u.exec(line ?? '')?.[0].trim() ?? 'unknown'
}
