import { createRequire } from 'node:module'
import { dirname, join, resolve } from 'node:path'
import type { TunError } from '../errors.ts'
import { type Host, platformOf } from './host.ts'
import { type Origin, exists, originOf } from './origin.ts'
import { type PlatformPackage, platformPackages } from './packages.ts'
import {
  REINSTALL,
  adviceFor,
  hiddenBy,
  loadError,
  reasonOf,
  unreachableFromBundle,
  withoutOrigin,
} from './refusal.ts'
import { VERSION } from './version.ts'

/** The platform packages, by platform. */
type Packages = ReturnType<typeof platformPackages>

/**
 * Loads the addon for a host. The first of these files is used:
 *
 * 1. the file named by the variable NAPI_RS_NATIVE_LIBRARY_PATH,
 * 2. the file that was built in a clone, or copied to the directory of a bundle,
 * 3. the file of the platform package.
 *
 * @throws {TunError} `ERR_TUN_NATIVE_LOAD`.
 */
export function requireAddon(host: Host): unknown {
  const named = process.env['NAPI_RS_NATIVE_LIBRARY_PATH']
  if (named) {
    const advice = 'unset NAPI_RS_NATIVE_LIBRARY_PATH, or let it name an addon'
    return openFile(resolve(named), host, advice)
  }
  if (host.platform !== 'linux') {
    throw loadError(
      host,
      'this is not Linux',
      'tun2udp can be imported anywhere, but used on Linux only',
    )
  }
  const origin = originOf()
  const packages = readPackages(host)
  if (origin === undefined) throw withoutOrigin(host, undefined)
  const file = fileOf(host)
  const near = join(origin.directory, file)
  if (exists(near)) return openFile(near, host, adviceForNear(origin, host))
  const installed = origin.isBundled ? installedBeside(origin) : undefined
  const built = installed === undefined ? near : join(dirname(installed), 'dist', file)
  if (exists(built)) return openFile(built, host, 'build it again for this system: `npm run build`')
  return openPackage(packages, origin, installed, host)
}

/**
 * Returns the `package.json` of the tun2udp that is installed where a bundle is. Some package managers
 * (pnpm) let only that package see the platform package.
 */
function installedBeside({ file }: Origin): string | undefined {
  try {
    return createRequire(file).resolve('tun2udp/package.json')
  } catch {
    return undefined
  }
}

function readPackages(host: Host): Packages {
  try {
    return platformPackages()
  } catch (error) {
    throw withoutOrigin(host, error)
  }
}

function adviceForNear({ isBundled }: Origin, host: Host): string {
  return isBundled
    ? `copy it again from the package tun2udp-${platformOf(host)}`
    : 'build it again for this system: `npm run build`'
}

function openPackage(
  packages: Packages,
  origin: Origin,
  installed: string | undefined,
  host: Host,
): unknown {
  const platform = platformOf(host)
  const known = packages[platform]
  if (known === undefined) {
    const there = Object.keys(packages).join(', ')
    throw loadError(
      host,
      `there is no package for it (there are ${there}), and no ${join(origin.directory, fileOf(host))}`,
      'build it in a clone of the repository: `npm run build`',
    )
  }
  const name = `tun2udp-${platform}`
  const candidates = installed === undefined ? [known] : [known, packageSeenBy(installed, name)]
  const found = candidates.find((candidate) => versionOf(candidate) !== undefined)
  if (found === undefined) throw missing(packages, origin, host)
  const version = versionOf(found)
  if (version !== VERSION) {
    throw loadError(host, `${name} has version ${version ?? ''}, and tun2udp ${VERSION}`, REINSTALL)
  }
  try {
    return found.addon()
  } catch (error) {
    throw loadError(host, `${name}: ${reasonOf(error)}`, adviceFor(error) ?? REINSTALL, error)
  }
}

/** The platform package as the tun2udp of a `package.json` resolves it. */
function packageSeenBy(manifest: string, name: string): PlatformPackage {
  const require = createRequire(manifest)
  return {
    manifest: () => require(`${name}/package.json`) as unknown,
    addon: () => require(name) as unknown,
  }
}

/** The name of a host's addon. */
function fileOf(host: Host): string {
  return `tun2udp.${platformOf(host)}.node`
}

/** Returns the error for a package that was not found, with the packages of other systems that were. */
function missing(packages: Packages, origin: Origin, host: Host): TunError {
  const file = fileOf(host)
  const advice = hiddenBy(origin.directory) ?? hiddenBy(join(origin.directory, file))
  if (origin.isBundled && advice === undefined) return unreachableFromBundle(host, origin, file)
  const others = Object.entries(packages)
    .filter(([, other]) => versionOf(other) !== undefined)
    .map(([platform]) => `tun2udp-${platform}`)
  const instead = others.length > 0 ? ` (but ${others.join(', ')}, for another system)` : ''
  return loadError(
    host,
    `the optional dependency tun2udp-${platformOf(host)} is not installed${instead}, and there is no ${join(origin.directory, file)}`,
    advice ?? REINSTALL,
  )
}

/** Returns the version of a package, or `undefined` if it is not installed. */
function versionOf({ manifest }: PlatformPackage): string | undefined {
  try {
    return (manifest() as { version: string }).version
  } catch {
    return undefined
  }
}

function openFile(path: string, host: Host, advice: string): unknown {
  try {
    return createRequire(path)(path) as unknown
  } catch (error) {
    throw loadError(host, `${path}: ${reasonOf(error)}`, adviceFor(error) ?? advice, error)
  }
}
