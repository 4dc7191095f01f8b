import { dirname, join, resolve } from 'node:path'
import type { TunError } from '../errors.ts'
import { type Host, platformOf } from './host.ts'
import { type Origin, exists, originOf } from './origin.ts'
import {
  PLATFORMS,
  type PlatformPackage,
  packageOf,
  packageSeenBy,
  requireFrom,
} from './packages.ts'
import {
  REINSTALL,
  adviceFor,
  hiddenBy,
  loadError,
  reasonOf,
  unreachableFromBundle,
  unreadable,
  withoutOrigin,
} from './refusal.ts'
import { VERSION } from './version.ts'

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
  const own = ownPackage(host)
  const origin = originOf()
  if (origin === undefined) throw withoutOrigin(host, undefined)
  const file = fileOf(host)
  const near = join(origin.directory, file)
  if (exists(near)) return openFile(near, host, adviceForNear(origin, host))
  const installed = origin.isBundled ? installedBeside(origin) : undefined
  const built = installed === undefined ? near : join(dirname(installed), 'dist', file)
  if (exists(built)) return openFile(built, host, 'build it again for this system: `npm run build`')
  return openPackage(own, origin, installed, host)
}

/**
 * Returns the `package.json` of the tun2udp that is installed where a bundle is. Some package managers
 * (pnpm) let only that package see the platform package.
 */
function installedBeside({ file }: Origin): string | undefined {
  try {
    return requireFrom(file).resolve('tun2udp/package.json')
  } catch {
    return undefined
  }
}

function ownPackage(host: Host): PlatformPackage {
  try {
    return packageOf(platformOf(host))
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
  own: PlatformPackage,
  origin: Origin,
  installed: string | undefined,
  host: Host,
): unknown {
  const platform = platformOf(host)
  if (!PLATFORMS.includes(platform)) {
    throw loadError(
      host,
      `there is no package for it (there are ${PLATFORMS.join(', ')}), and no ${join(origin.directory, fileOf(host))}`,
      'build it in a clone of the repository: `npm run build`',
    )
  }
  const name = `tun2udp-${platform}`
  const seers = origin.isBundled ? [origin.file, installed ?? origin.file] : []
  const candidates = [own, ...seers.map((file) => packageSeenBy(file, platform))]
  const found = candidates.find((candidate) => versionOf(candidate) !== undefined)
  if (found === undefined) throw missing(origin, host)
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

/** The name of a host's addon. */
function fileOf(host: Host): string {
  return `tun2udp.${platformOf(host)}.node`
}

/** Returns the error for a package that was not found, with the packages of other systems that were. */
function missing(origin: Origin, host: Host): TunError {
  const file = fileOf(host)
  const advice = hiddenBy(origin.directory) ?? hiddenBy(join(origin.directory, file))
  if (origin.isBundled && advice === undefined) return unreachableFromBundle(host, origin, file)
  const others = PLATFORMS.filter(
    (platform) => versionOf(packageSeenBy(origin.file, platform)) !== undefined,
  ).map((platform) => `tun2udp-${platform}`)
  const instead = others.length > 0 ? ` (but ${others.join(', ')}, for another system)` : ''
  return loadError(
    host,
    `the optional dependency tun2udp-${platformOf(host)} is not installed${instead}, and there is no ${join(origin.directory, file)}`,
    advice ?? REINSTALL,
  )
}

/** Returns the version of a package, or `undefined` if it is not installed. */
function versionOf({ manifest }: PlatformPackage): string | undefined {
  return (manifest() as { version: string } | undefined)?.version
}

function openFile(path: string, host: Host, advice: string): unknown {
  try {
    return requireFrom(path)(path) as unknown
  } catch (error) {
    const reason = `${path}: ${reasonOf(error)}`
    throw loadError(host, reason, adviceFor(error) ?? unreadable(path) ?? advice, error)
  }
}
