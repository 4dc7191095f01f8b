import { readdirSync } from 'node:fs'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'

/** The resources of this process. */
export interface Resources {
  descriptors: number
  threads: number
  /** Resident memory after a garbage collection, bytes. */
  memory: number
}

/** More than this is a leak: Node's own pools and allocators grow by less. */
const MORE: Resources = { descriptors: 5, threads: 4, memory: 64 << 20 }

export function resources(): Resources {
  setFlagsFromString('--expose-gc')
  const collect = runInNewContext('gc') as () => void
  collect()
  return {
    descriptors: readdirSync('/proc/self/fd').length,
    threads: readdirSync('/proc/self/task').length,
    memory: process.memoryUsage.rss(),
  }
}

/** Returns the resources that have grown too much. */
export function leaks(before: Resources, after: Resources): string[] {
  const names: (keyof Resources)[] = ['descriptors', 'threads', 'memory']
  return names
    .filter((name) => after[name] > before[name] + MORE[name])
    .map((name) => `${name}: ${before[name]} at first, ${after[name]} at the end`)
}
