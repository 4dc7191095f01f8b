import { join } from 'node:path'
import { execa } from 'execa'
import { cached } from './cache.ts'
import { versionOf } from './tools.ts'

/** A program of crates.io. */
export interface Crate {
  readonly crate: string
  readonly version: string
}

/** An installed program in Rust. */
export interface CargoProgram {
  readonly path: string
  /** The version of the crate, and that of Rust. */
  readonly version: string
}

/** Installs a program from crates.io into the cache, with the dependencies that its lock file pins. */
export async function installCargo(
  { crate, version }: Crate,
  signal: AbortSignal,
): Promise<CargoProgram> {
  const rust = await versionOf('rustc', ['--version'])
  if (rust === undefined) throw new Error('there is no Rust toolchain (rustc): see rustup.rs')
  const directory = await cached(crate, [], `${version} ${rust}`, async (aside) => {
    const args = ['install', crate, '--version', version, '--locked', '--quiet', '--root', aside]
    const { stderr, failed } = await execa('cargo', args, { cancelSignal: signal, reject: false })
    if (failed) throw new Error(`cargo could not install ${crate}: ${lastLine(stderr)}`)
  })
  return { path: join(directory, 'bin', crate), version: `${crate} ${version}, ${rust}` }
}

function lastLine(text: string): string {
  return text.trim().split('\n').at(-1) ?? ''
}
