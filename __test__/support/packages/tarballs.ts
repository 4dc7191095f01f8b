import { execFileSync } from 'node:child_process'
import { readFileSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import test, { type ExecutionContext } from 'ava'

/** The root of the clone. */
export const ROOT = fileURLToPath(new URL('../../../', import.meta.url))
/** Folder of the tarballs that scripts/build-packages.sh creates. */
const TARBALLS = process.env['TUN2UDP_PACKAGES']

/** The parts of a `package.json` that tests check. */
export interface Manifest {
  readonly name: string
  readonly version: string
  readonly main?: string
  readonly os?: readonly string[]
  readonly cpu?: readonly string[]
  readonly libc?: readonly string[]
  readonly engines?: Readonly<{ node: string }>
  readonly files?: readonly string[]
  readonly scripts?: Readonly<Record<string, string>>
  readonly dependencies?: Readonly<Record<string, string>>
  readonly devDependencies?: Readonly<Record<string, string>>
  readonly optionalDependencies?: Readonly<Record<string, string>>
}

/** Reads the manifest of the root package (`.`) or of a platform package (`npm/…`) in the clone. */
export function manifestIn(folder: string): Manifest {
  return JSON.parse(readFileSync(join(ROOT, folder, 'package.json'), 'utf8')) as Manifest
}

/** The folders of the platform packages, as `npm/linux-x64-gnu`. */
export const PLATFORM_FOLDERS = readdirSync(join(ROOT, 'npm')).map((name) => `npm/${name}`)

/** A packed package. */
export class Tarball {
  readonly path: string

  constructor(path: string) {
    this.path = path
  }

  /** The names of its files, without the leading `package/`. */
  get files(): string[] {
    const list = execFileSync('tar', ['-tzf', this.path], { encoding: 'utf8' })
    return list
      .trim()
      .split('\n')
      .map((name) => name.replace(/^package\//u, ''))
      .toSorted()
  }

  get manifest(): Manifest {
    return JSON.parse(this.read('package.json').toString()) as Manifest
  }

  /** The content of one of its files. */
  read(file: string): Buffer {
    return execFileSync('tar', ['-xOzf', this.path, `package/${file}`], { maxBuffer: 1 << 26 })
  }
}

/** All packed packages. */
export function tarballs(): Tarball[] {
  if (TARBALLS === undefined) throw new Error('TUN2UDP_PACKAGES is not set')
  return readdirSync(TARBALLS).map((name) => new Tarball(join(TARBALLS, name)))
}

/** Returns the packages of the platforms. */
export function platformTarballs(): Tarball[] {
  return tarballs().filter(({ manifest }) => manifest.name !== 'tun2udp')
}

/** Returns the root package. */
export function rootTarball(): Tarball {
  const found = tarballs().find(({ manifest }) => manifest.name === 'tun2udp')
  if (found === undefined) throw new Error(`${TARBALLS ?? ''} has no root package`)
  return found
}

/** A test of the packed packages. Without them it prints the reason and passes. */
export function packagesTest(
  title: string,
  body: (t: ExecutionContext) => Promise<void> | void,
): void {
  test(title, async (t) => {
    if (hasPackages(t)) await body(t)
  })
}

/** Returns whether packed packages exist; otherwise the test is skipped with the reason. */
export function hasPackages(t: ExecutionContext): boolean {
  if (TARBALLS !== undefined) return true
  t.log(`SKIP ${t.title}: needs the packed packages (scripts/test-packages.sh)`)
  t.pass()
  return false
}
