import type { State } from './finding.ts'
import { CAPABILITY, type System, hasCapability, sysctl } from './system.ts'

/** Descriptors that a relay with the maximum number of queues needs, and Node's own. */
const DESCRIPTORS_WANTED = 1024

/** The capability that creates an interface. */
export function capabilities(system: System): State {
  const names = Object.keys(CAPABILITY) as (keyof typeof CAPABILITY)[]
  const present = names.filter((name) => hasCapability(system, name))
  const missing = names.filter((name) => !present.includes(name))
  const found = present.length === 0 ? 'none of those that matter' : present.join(', ')
  if (missing.includes('CAP_NET_ADMIN')) {
    return {
      level: 'problem',
      found,
      meaning: 'Without CAP_NET_ADMIN no interface can be created.',
      advice:
        'run it as root, give the capability with setpriv(1), or use a persistent interface of this user (docs/guides/permissions.md)',
    }
  }
  if (missing.length === 0) return { level: 'ok', found, meaning: 'Every option can be used.' }
  return {
    level: 'ok',
    found,
    meaning: `A tunnel can be started. Missing: ${missing.join(', ')}, which --netns, --user or a port below 1024 needs.`,
  }
}

/** User namespaces, which give an ordinary user interfaces of his own. */
export function userNamespaces(system: System): State {
  const maximum = sysctl(system, 'user.max_user_namespaces')
  const settings: readonly [name: string, refuses: (value: number) => boolean, fix: string][] = [
    ['user.max_user_namespaces', (value) => value === 0, 'user.max_user_namespaces=10000'],
    [
      'kernel.unprivileged_userns_clone',
      (value) => value === 0,
      'kernel.unprivileged_userns_clone=1',
    ],
    [
      'kernel.apparmor_restrict_unprivileged_userns',
      (value) => value === 1,
      'kernel.apparmor_restrict_unprivileged_userns=0',
    ],
  ]
  for (const [name, refuses, fix] of settings) {
    const value = sysctl(system, name)
    if (value !== undefined && refuses(value)) {
      return {
        level: 'note',
        found: `${name} = ${value}`,
        meaning:
          'An ordinary user cannot create user namespaces with interfaces of his own. A tunnel does not need them.',
        advice: `"sysctl ${fix}" permits them`,
      }
    }
  }
  if (maximum === undefined) {
    return {
      level: 'note',
      found: 'the kernel has none',
      meaning: 'An ordinary user cannot have interfaces of his own. A tunnel does not need them.',
    }
  }
  return {
    level: 'ok',
    found: 'permitted',
    meaning: 'An ordinary user can have interfaces in a user namespace.',
  }
}

/** The limit on open files. */
export function descriptors({ read }: System): State {
  const text = /^Max open files\s+(\d+|unlimited)/mu.exec(read('/proc/self/limits') ?? '')?.[1]
  const limit = text === 'unlimited' ? Infinity : Number(text)
  if (Number.isNaN(limit))
    return { level: 'note', found: 'not known', meaning: 'The limit on open files cannot be read.' }
  const found = `at most ${text} open files`
  if (limit >= DESCRIPTORS_WANTED)
    return { level: 'ok', found, meaning: 'It suffices for 256 queues.' }
  return {
    level: 'note',
    found,
    meaning: 'Each queue and each device in JavaScript needs descriptors.',
    advice: '"ulimit -n 1024" raises the limit',
  }
}
