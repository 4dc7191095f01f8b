// Objects that outlive a worker by design: links, persistent devices and namespaces, named by this process.
import { execFileSync } from 'node:child_process'
import { readdirSync } from 'node:fs'

/** Prefix of their names. */
export const RUN = `s${process.pid.toString(36)}x`

/** Returns the names of the links of this namespace. */
export function links() {
  const text = execFileSync('ip', ['-j', 'link'], { encoding: 'utf8' })
  return JSON.parse(text).map((link) => link.ifname)
}

/** Removes all of them. */
export function tidy() {
  for (const name of links().filter((link) => link.startsWith(RUN))) {
    execFileSync('ip', ['link', 'delete', name], { stdio: 'ignore' })
  }
  for (const name of readdirSync('/run/netns').filter((netns) => netns.startsWith(RUN))) {
    execFileSync('ip', ['netns', 'delete', name], { stdio: 'ignore' })
  }
}
