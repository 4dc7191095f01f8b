import { accessSync, constants } from 'node:fs'
import { TunError } from '../errors.ts'
import { type Host, platformOf } from './host.ts'
import type { Origin } from './origin.ts'

/** The advice for an installation that lacks the addon of this system. */
export const REINSTALL =
  'install tun2udp again on this system, with optional dependencies (no --omit=optional, no lock file or node_modules of another system)'

const UNREADABLE = 'let this user read the file and enter its directories (chmod)'

/** Returns the error for an addon that could not be loaded. */
export function loadError(host: Host, reason: string, advice: string, cause?: unknown): TunError {
  const platform = platformOf(host)
  return new TunError(
    `load the native addon for ${platform}: ${reason}; ${advice}`,
    { code: 'ERR_TUN_NATIVE_LOAD', subject: platform, advice },
    cause === undefined ? undefined : { cause },
  )
}

/** Returns the error for a bundle that reaches no addon: what to build, or what to copy where. */
export function unreachableFromBundle(host: Host, origin: Origin, file: string): TunError {
  const name = `tun2udp-${platformOf(host)}`
  return loadError(
    host,
    `tun2udp is bundled into ${origin.file}, and from there neither the package ${name} nor ${origin.directory}/${file} is found`,
    `leave tun2udp out of the bundle (esbuild: --external:tun2udp, other bundlers: "external" or "externals") and install it where the bundle runs, or copy node_modules/${name}/${file} to ${origin.directory}`,
  )
}

/** Returns the error for a bundle that does not have the name of its own file. */
export function withoutOrigin(host: Host, cause: unknown): TunError {
  return loadError(
    host,
    'the bundler removed import.meta.url and __filename, so the addon cannot be looked for',
    'build for Node (esbuild: --platform=node), or leave tun2udp out of the bundle (esbuild: --external:tun2udp)',
    cause,
  )
}

/** Returns the message of an error on one line, without Node's stack of requires. */
export function reasonOf(error: unknown): string {
  const text = error instanceof Error ? error.message : String(error)
  return (text.split('\nRequire stack:')[0] ?? text).trim().replaceAll(/\s*\n\s*/gu, ' ')
}

/** Returns the advice for a failed dlopen(3) or a runtime's refusal; `undefined` for an unknown reason. */
export function adviceFor(error: unknown): string | undefined {
  const reason = reasonOf(error)
  if (codeOf(error) === 'ERR_DLOPEN_DISABLED') return allowAddons()
  if (codeOf(error) === 'ERR_ACCESS_DENIED') return allowReading()
  if (reason.includes('appropriate loader')) {
    return 'leave tun2udp out of the bundle (webpack: externals: { tun2udp: "commonjs tun2udp" })'
  }
  if (reason.includes('--allow-ffi')) return 'start Deno with --allow-ffi'
  const [, needed] = /version [`']?(GLIBC_[\d.]+)'? not found/u.exec(reason) ?? []
  if (needed !== undefined) {
    return `this system's glibc is older than ${needed}: update the system, or build in a clone of the repository`
  }
  if (reason.includes('failed to map segment from shared object')) {
    return 'the file system is mounted with noexec, or a security module forbids to map the file: move it to another file system'
  }
  if (reason.includes('cannot open shared object file: Permission denied')) return UNREADABLE
  if (
    /libc\.musl-|ld-linux|wrong ELF class|invalid ELF header|file too short|Exec format error/u.test(
      reason,
    )
  ) {
    return `the file is for another processor or C library, or damaged: ${REINSTALL}`
  }
  return undefined
}

/** Returns the advice for a file that this user may not read; Node's loader reports that it does not exist. */
export function unreadable(path: string): string | undefined {
  try {
    accessSync(path, constants.R_OK)
  } catch (error) {
    if (codeOf(error) === 'EACCES') return UNREADABLE
  }
  return undefined
}

/** Returns the advice to add a flag of Node's permission model, if it hides a path from this process. */
export function hiddenBy(path: string): string | undefined {
  return permission()?.has('fs.read', path) === false ? allowReading() : undefined
}

/** Node's permission model, if it is on. The types declare it always; it exists with its flag only. */
function permission(): NodeJS.ProcessPermission | undefined {
  return process.permission
}

function allowReading(): string {
  return "Node's permission model hides the addon: add its directory with --allow-fs-read"
}

function allowAddons(): string {
  const flags = `${process.execArgv.join(' ')} ${process.env['NODE_OPTIONS'] ?? ''}`
  if (permission() === undefined || flags.includes('--no-addons')) {
    return 'start Node without --no-addons (also in NODE_OPTIONS, and in execArgv of a worker)'
  }
  return "Node's permission model forbids addons: start Node with --allow-addons"
}

/** The `code` of an error that Node made. */
function codeOf(error: unknown): unknown {
  return typeof error === 'object' && error !== null && 'code' in error ? error.code : undefined
}
