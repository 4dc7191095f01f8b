import nodeModule, { createRequire } from 'node:module'

/** The two files of a platform package that are used. */
export interface PlatformPackage {
  /** Returns the parsed `package.json`, or `undefined` if the package is not installed. */
  readonly manifest: () => unknown
  /** Loads the addon. */
  readonly addon: () => unknown
}

/** The platforms that have a package. */
export const PLATFORMS = ['linux-x64-gnu', 'linux-arm64-gnu', 'linux-x64-musl', 'linux-arm64-musl']

/**
 * Returns the package of a platform, as `linux-x64-gnu`.
 *
 * webpack and @vercel/nft find the addons only in this form: literal specifiers, and a `require` that is made
 * from `import.meta.url` in the same function. Within `try`, webpack accepts that a package is missing. A
 * CommonJS bundle of esbuild has `__filename` instead of `import.meta.url`.
 *
 * @throws a bundler removed `import.meta.url` and `__filename`.
 */
export function packageOf(platform: string): PlatformPackage {
  // eslint-disable-next-line @typescript-eslint/no-unnecessary-condition -- undefined in a CommonJS bundle
  const require = createRequire(import.meta.url ?? __filename)
  const manifest = (): unknown => {
    try {
      if (platform === 'linux-x64-gnu') return require('tun2udp-linux-x64-gnu/package.json')
      if (platform === 'linux-arm64-gnu') return require('tun2udp-linux-arm64-gnu/package.json')
      if (platform === 'linux-x64-musl') return require('tun2udp-linux-x64-musl/package.json')
      if (platform === 'linux-arm64-musl') return require('tun2udp-linux-arm64-musl/package.json')
    } catch {
      // Not installed, or not for this file to see.
    }
    return undefined
  }
  const addon = (): unknown => {
    let refusal: unknown
    try {
      if (platform === 'linux-x64-gnu') return require('tun2udp-linux-x64-gnu')
      if (platform === 'linux-arm64-gnu') return require('tun2udp-linux-arm64-gnu')
      if (platform === 'linux-x64-musl') return require('tun2udp-linux-x64-musl')
      if (platform === 'linux-arm64-musl') return require('tun2udp-linux-arm64-musl')
    } catch (error) {
      refusal = error
    }
    throw refusal
  }
  return { manifest, addon }
}

/**
 * Returns the `require` of a file. webpack breaks a call of the imported `createRequire` whose argument is
 * not `import.meta.url`.
 */
export function requireFrom(file: string): NodeJS.Require {
  return nodeModule.createRequire(file)
}

/** Returns the package of a platform as a file resolves it, unseen by bundlers. */
export function packageSeenBy(file: string, platform: string): PlatformPackage {
  const name = `tun2udp-${platform}`
  return {
    manifest: () => {
      try {
        return requireFrom(file)(`${name}/package.json`) as unknown
      } catch {
        return undefined
      }
    },
    addon: () => requireFrom(file)(name) as unknown,
  }
}
