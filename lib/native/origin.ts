import { existsSync } from 'node:fs'
import { dirname, isAbsolute, join } from 'node:path'
import { fileURLToPath } from 'node:url'

/**
 * The paths of this module: in the package a file that scripts/bundle.js names, in a clone also the file of the module,
 * below `dist` or the root. Either gives the path of `lib`.
 */
const OWN_PATH = /[\\/]lib(?:[\\/]native[\\/]origin\.(?:js|ts)|[\\/]tun2udp-[0-9a-z]{8}\.js)$/u

/** The file that the code of this module runs from. */
export interface Origin {
  readonly file: string
  /** The code is part of a file that a bundler wrote. */
  readonly isBundled: boolean
  /** The directory that may hold an addon: that of the bundle, or `dist` of a clone. */
  readonly directory: string
}

/**
 * Returns where this module runs from, or `undefined` if a bundler removed `import.meta.url` and
 * `__filename`.
 */
export function originOf(): Origin | undefined {
  const file = ownFile()
  if (file === undefined) return undefined
  if (OWN_PATH.test(file) && exists(file)) {
    const root = join(file.replace(OWN_PATH, '/lib'), '..')
    return { file, isBundled: false, directory: file.endsWith('.ts') ? join(root, 'dist') : root }
  }
  // webpack replaces `import.meta.url` with a path of the machine that the bundle was built on.
  const bundle = exists(file) ? file : (process.argv[1] ?? process.execPath)
  return { file: bundle, isBundled: true, directory: dirname(bundle) }
}

/** Whether a file exists. Node's permission model throws for a path that it hides. */
export function exists(path: string): boolean {
  try {
    return existsSync(path)
  } catch {
    return false
  }
}

function ownFile(): string | undefined {
  // A bundler may leave neither, although the types promise them.
  const url: unknown = import.meta.url
  if (typeof url === 'string' && url.startsWith('file:')) return fileURLToPath(url)
  const name: unknown = typeof __filename === 'undefined' ? undefined : __filename
  return typeof name === 'string' && isAbsolute(name) ? name : undefined
}
