import { createRequire } from 'node:module'

/** The two files of a platform package that are used. */
export interface PlatformPackage {
  /** Returns the parsed `package.json`. */
  readonly manifest: () => unknown
  /** Loads the addon. */
  readonly addon: () => unknown
}

/**
 * Returns the platform packages by platform, as `linux-x64-gnu`.
 *
 * The specifiers are literals and `require` is made from `import.meta.url` in the same function:
 * webpack and @vercel/nft find the addons only in this form. A CommonJS bundle of esbuild has `__filename` instead.
 *
 * @throws a bundler removed `import.meta.url` and `__filename`.
 */
export function platformPackages(): Readonly<Record<string, PlatformPackage>> {
  // eslint-disable-next-line @typescript-eslint/no-unnecessary-condition -- undefined in a CommonJS bundle
  const require = createRequire(import.meta.url ?? __filename)
  return {
    'linux-x64-gnu': {
      manifest: () => require('tun2udp-linux-x64-gnu/package.json') as unknown,
      addon: () => require('tun2udp-linux-x64-gnu') as unknown,
    },
    'linux-arm64-gnu': {
      manifest: () => require('tun2udp-linux-arm64-gnu/package.json') as unknown,
      addon: () => require('tun2udp-linux-arm64-gnu') as unknown,
    },
    'linux-x64-musl': {
      manifest: () => require('tun2udp-linux-x64-musl/package.json') as unknown,
      addon: () => require('tun2udp-linux-x64-musl') as unknown,
    },
    'linux-arm64-musl': {
      manifest: () => require('tun2udp-linux-arm64-musl/package.json') as unknown,
      addon: () => require('tun2udp-linux-arm64-musl') as unknown,
    },
  }
}
