import { join } from 'node:path'
import { execa } from 'execa'
import { cached } from '../native/cache.ts'

const APPIUM = 'appium-ios-tuntap@2.0.5'

/** Packages that other projects name, and why they take no part. */
const ABSENT = [
  { title: 'node-tuntap2', reason: 'the registry of npm has no such package' },
  { title: 'tun 1.0.0', reason: 'the package has no code: package.json and README.md alone' },
]

/** Packages of npm that open TUN devices. */
export interface NpmPackages {
  /** Where appium-ios-tuntap is. */
  readonly appium: string | undefined
  readonly missing: readonly { title: string; reason: string }[]
}

/** Installs them, unless an earlier run has. A build needs a compiler, where the one that it brings is for a newer C library. */
export async function npmPackages(): Promise<NpmPackages> {
  try {
    const directory = await cached('npm', [], APPIUM, async (aside) => {
      const options = ['--no-audit', '--no-fund', '--omit=dev', '--prefix', aside]
      await execa('npm', ['install', ...options, APPIUM], { cwd: aside })
    })
    return { appium: join(directory, 'node_modules', 'appium-ios-tuntap'), missing: ABSENT }
  } catch (error) {
    const reason = error instanceof Error ? (error.message.split('\n')[0] ?? '') : String(error)
    return { appium: undefined, missing: [...ABSENT, { title: APPIUM, reason }] }
  }
}
