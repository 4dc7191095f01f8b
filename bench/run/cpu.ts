import { existsSync, readFileSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import type { CpuFacts } from '../results.ts'

/** Where the kernel lists its mitigations of hardware vulnerabilities (Documentation/admin-guide/hw-vuln). */
const VULNERABILITIES = '/sys/devices/system/cpu/vulnerabilities'
const GOVERNOR = '/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor'
const CLOCK_SOURCE = '/sys/devices/system/clocksource/clocksource0/current_clocksource'

/**
 * Flags that change what packets cost: checksums (`avx2`, `avx512*`, `asimd`), copies (`erms`, `fsrm`), encryption of
 * other peers (`aes`, `vaes`), page tables (`pcid`, `invpcid`), speculation control, clocks, and virtual machines.
 */
const RELEVANT = [
  ...['sse4_2', 'avx', 'avx2', 'avx512f', 'avx512bw', 'avx512vl', 'erms', 'fsrm', 'aes', 'vaes'],
  ...['pclmulqdq', 'vpclmulqdq', 'sha_ni', 'pcid', 'invpcid', 'ibrs', 'ibrs_enhanced', 'ibpb'],
  ...['stibp', 'ssbd', 'constant_tsc', 'nonstop_tsc', 'rdtscp', 'hypervisor'],
  ...['asimd', 'sve', 'sve2', 'pmull', 'crc32', 'atomics'],
]

/** Returns the facts by which runs of different CPUs can be distinguished. */
export function cpuFacts(): CpuFacts {
  return {
    ...parseCpuInfo(readFileSync('/proc/cpuinfo', 'utf8')),
    mitigations: mitigations(VULNERABILITIES),
    ...textOf('governor', GOVERNOR),
    ...textOf('clockSource', CLOCK_SOURCE),
  }
}

/** Reads the first processor of proc_cpuinfo(5), on x86 or arm64. */
export function parseCpuInfo(text: string): Pick<CpuFacts, 'identity' | 'flags'> {
  const [first = ''] = text.trim().split(/\n\s*\n/u)
  const fields = new Map(
    first.split('\n').map((line): [string, string] => {
      const colon = line.indexOf(':')
      return [line.slice(0, colon).trim().toLowerCase(), line.slice(colon + 1).trim()]
    }),
  )
  const known = [
    ...([
      ['vendor_id', ''],
      ['cpu family', 'family '],
      ['model', 'model '],
    ] as const),
    ...([
      ['stepping', 'stepping '],
      ['microcode', 'microcode '],
    ] as const),
    ...([
      ['cpu implementer', 'implementer '],
      ['cpu part', 'part '],
    ] as const),
    ...([
      ['cpu variant', 'variant '],
      ['cpu revision', 'revision '],
    ] as const),
  ].flatMap(([name, title]) => {
    const value = fields.get(name)
    return value ? [`${title}${value}`] : []
  })
  const flags = (fields.get('flags') ?? fields.get('features') ?? '').split(' ')
  return { identity: known.join(', '), flags: RELEVANT.filter((flag) => flags.includes(flag)) }
}

/** Returns the state of each vulnerability that the CPU has, by the kernel's names. */
export function mitigations(directory: string): Record<string, string> {
  if (!existsSync(directory)) return {}
  const states = readdirSync(directory)
    .sort()
    .map((name) => [name, readFileSync(join(directory, name), 'utf8').trim()] as const)
  return Object.fromEntries(states.filter(([, state]) => state !== 'Not affected'))
}

/** Returns a line of a file as a property; nothing if the kernel has no such file. */
function textOf<Key extends string>(key: Key, file: string): Partial<Record<Key, string>> {
  if (!existsSync(file)) return {}
  return { [key]: readFileSync(file, 'utf8').trim() } as Partial<Record<Key, string>>
}
