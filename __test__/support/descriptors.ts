import { readdirSync, readlinkSync } from 'node:fs'
import { join } from 'node:path'

/** Returns the number of open descriptors of a process, or of those whose file has a name of this pattern. */
export function descriptorsOf(pid: number | undefined, file = /^/u): number {
  const folder = `/proc/${pid ?? 0}/fd`
  const links = readdirSync(folder).map((fd) => {
    try {
      return readlinkSync(join(folder, fd))
    } catch {
      // It was closed since.
      return ''
    }
  })
  return links.filter((link) => file.test(link)).length
}
