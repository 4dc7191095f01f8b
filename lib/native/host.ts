import { readFileSync } from 'node:fs'

/** The properties of a process that decide which addon it can load. */
export interface Host {
  /** As `process.platform`. */
  readonly platform: string
  /** As `process.arch`. */
  readonly arch: string
  /** The C library that the process itself runs on: another one may be installed too. */
  readonly libc: 'gnu' | 'musl'
}

/** Returns the name of a host's platform, as `linux-x64-gnu`. */
export function platformOf({ platform, arch, libc }: Host): string {
  return platform === 'linux' ? `${platform}-${arch}-${libc}` : `${platform}-${arch}`
}

/** This process. */
export function hostOf(): Host {
  const { platform, arch } = process
  return { platform, arch, libc: platform === 'linux' ? libcOf(readMaps()) : 'gnu' }
}

/**
 * Returns the C library among the files that a process has mapped (the format of `/proc/PID/maps`, proc(5)).
 * Without such a list, the C library in Node's report of the process.
 */
export function libcOf(maps: string | undefined): 'gnu' | 'musl' {
  if (maps !== undefined && /\/(?:ld-musl-|libc\.musl-)[^/\n]*$/mu.test(maps)) return 'musl'
  if (maps !== undefined && /\/(?:libc\.so\.6|libc-2\.[^/\n]*\.so|ld-linux[^/\n]*)$/mu.test(maps)) {
    return 'gnu'
  }
  return reportedGlibc() ? 'gnu' : 'musl'
}

function readMaps(): string | undefined {
  try {
    return readFileSync('/proc/self/maps', 'utf8')
  } catch {
    return undefined
  }
}

function reportedGlibc(): boolean {
  const report = process.report.getReport() as { header?: { glibcVersionRuntime?: string } }
  return report.header?.glibcVersionRuntime !== undefined
}
