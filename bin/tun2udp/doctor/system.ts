import { readFileSync } from 'node:fs'
import { type Features, TunError, features } from '../../../index.ts'
import { hostOf, platformOf } from '../../../lib/native/host.ts'
import { VERSION } from '../../../lib/native/version.ts'

/** The state of this machine that the checks use. */
export interface System {
  /** Versions of the package and of Node, and the platform of the addon, as `linux-x64-gnu`. */
  readonly versions: { readonly package: string; readonly node: string; readonly platform: string }
  /** The features of the kernel's driver, or the error of the attempt to find them. */
  readonly features: Features | TunError
  /** Returns the text of a file of /proc or /sys without white space at its ends; `undefined` if it cannot be read. */
  readonly read: (path: string) => string | undefined
}

/** Reads the state of this machine. */
export async function readSystem(): Promise<System> {
  return {
    versions: { package: VERSION, node: process.versions.node, platform: platformOf(hostOf()) },
    features: await featuresOrError(),
    read: (path) => {
      try {
        return readFileSync(path, 'utf8').trim()
      } catch {
        return undefined
      }
    },
  }
}

async function featuresOrError(): Promise<Features | TunError> {
  try {
    return await features()
  } catch (error) {
    if (error instanceof TunError) return error
    throw error
  }
}

/** Capabilities by their numbers (linux/capability.h). */
export const CAPABILITY = {
  CAP_SETGID: 6,
  CAP_SETUID: 7,
  CAP_NET_BIND_SERVICE: 10,
  CAP_NET_ADMIN: 12,
  CAP_SYS_ADMIN: 21,
} as const

/** Returns whether this process has a capability in effect (`CapEff` of proc(5)). */
export function hasCapability(system: System, name: keyof typeof CAPABILITY): boolean {
  const mask = /^CapEff:\s*([\da-f]+)$/mu.exec(system.read('/proc/self/status') ?? '')?.[1]
  return mask !== undefined && ((BigInt(`0x${mask}`) >> BigInt(CAPABILITY[name])) & 1n) === 1n
}

/** Returns the value of a setting of sysctl(8), such as `net.ipv4.ip_forward`; `undefined` if the kernel lacks it. */
export function sysctl(system: System, name: string): number | undefined {
  const text = system.read(`/proc/sys/${name.replaceAll('.', '/')}`)
  return text !== undefined && /^-?\d+$/u.test(text) ? Number(text) : undefined
}
