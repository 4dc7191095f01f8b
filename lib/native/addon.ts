import { existsSync, readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { TunError } from '../errors.ts'
import type { Host } from './host.ts'

/** The platforms that a package is published for, as `process.platform`, `process.arch` and libc. */
const PLATFORMS = ['linux-x64-gnu', 'linux-arm64-gnu', 'linux-x64-musl', 'linux-arm64-musl']
const REINSTALL =
  'install tun2udp again on this system, with optional dependencies (no --omit=optional, no lock file or node_modules of another system)'

/** The parts of a `package.json` that are read here. */
interface Manifest {
  readonly version: string
  readonly main?: string
}

type Require = ReturnType<typeof createRequire>

/**
 * Loads the addon of a host: the file that the variable NAPI_RS_NATIVE_LIBRARY_PATH names, else the one
 * built in a clone, else that of the platform package.
 *
 * @throws {TunError} `ERR_TUN_NATIVE_LOAD`.
 */
export function requireAddon(host: Host): unknown {
  const named = process.env['NAPI_RS_NATIVE_LIBRARY_PATH']
  const require = createRequire(import.meta.url)
  if (named) {
    return open(require, named, host, 'unset NAPI_RS_NATIVE_LIBRARY_PATH, or let it name an addon')
  }
  if (host.platform !== 'linux') {
    throw failure(
      host,
      'this is not Linux',
      'tun2udp can be imported anywhere, but used on Linux only',
    )
  }
  const root = dirname(require.resolve('tun2udp/package.json'))
  const built = join(root, 'dist', `tun2udp.${platformOf(host)}.node`)
  if (existsSync(built)) {
    return open(require, built, host, 'build it again for this system: `npm run build`')
  }
  return openPackage(require, root, built, host)
}

/** `linux-x64-gnu`. */
function platformOf({ platform, arch, libc }: Host): string {
  return platform === 'linux' ? `${platform}-${arch}-${libc}` : `${platform}-${arch}`
}

function openPackage(require: Require, root: string, built: string, host: Host): unknown {
  const platform = platformOf(host)
  const name = `tun2udp-${platform}`
  if (!PLATFORMS.includes(platform)) {
    throw failure(
      host,
      `there is no package for it (there are ${PLATFORMS.join(', ')}), and no ${built}`,
      'build it in a clone of the repository: `npm run build`',
    )
  }
  const manifestPath = resolve(require, `${name}/package.json`)
  if (manifestPath === undefined) throw failure(host, missing(require, name, built), REINSTALL)
  const manifest = readManifest(manifestPath)
  const { version } = readManifest(join(root, 'package.json'))
  if (manifest.version !== version) {
    throw failure(
      host,
      `${dirname(manifestPath)} has version ${manifest.version}, and tun2udp ${version}`,
      REINSTALL,
    )
  }
  return open(require, join(dirname(manifestPath), manifest.main ?? ''), host, REINSTALL)
}

/** Why there is no addon: also what is there instead of it, which tells of a copied `node_modules`. */
function missing(require: Require, name: string, built: string): string {
  const others = PLATFORMS.map((platform) => `tun2udp-${platform}`).filter(
    (other) => resolve(require, `${other}/package.json`) !== undefined,
  )
  const instead = others.length > 0 ? ` (but ${others.join(', ')}, for another system)` : ''
  return `the optional dependency ${name} is not installed${instead}, and there is no ${built}`
}

function resolve(require: Require, name: string): string | undefined {
  try {
    return require.resolve(name)
  } catch {
    return undefined
  }
}

function readManifest(path: string): Manifest {
  return JSON.parse(readFileSync(path, 'utf8')) as Manifest
}

function open(require: Require, path: string, host: Host, advice: string): unknown {
  try {
    return require(path) as unknown
  } catch (error) {
    throw failure(host, `${path}: ${reasonOf(error)}`, adviceFor(reasonOf(error)) ?? advice, error)
  }
}

/** What dlopen(3) says of a file that is for another system. */
function adviceFor(reason: string): string | undefined {
  const [, needed] = /version [`']?(GLIBC_[\d.]+)'? not found/u.exec(reason) ?? []
  if (needed !== undefined) {
    return `this system's glibc is older than ${needed}: update the system, or build in a clone of the repository`
  }
  if (/libc\.musl-|ld-linux|wrong ELF class|invalid ELF header|Exec format error/u.test(reason)) {
    return `the file is for another processor or C library, or damaged: ${REINSTALL}`
  }
  return undefined
}

/** On one line: a missing file's error goes on with the stack of requires. */
function reasonOf(error: unknown): string {
  const text = error instanceof Error ? error.message : String(error)
  return (text.split('\nRequire stack:')[0] ?? text).trim().replaceAll(/\s*\n\s*/gu, ' ')
}

function failure(host: Host, reason: string, advice: string, cause?: unknown): TunError {
  const platform = platformOf(host)
  return new TunError(
    `load the native addon for ${platform}: ${reason}; ${advice}`,
    { code: 'ERR_TUN_NATIVE_LOAD', subject: platform, advice },
    cause === undefined ? undefined : { cause },
  )
}
