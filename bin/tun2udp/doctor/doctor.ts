import { capabilities, descriptors, userNamespaces } from './rights.ts'
import { driver, ioUring, kernel, offloads, versions } from './driver.ts'
import { buffers, firewall, forwarding, ipv6, reversePathFilter } from './network.ts'
import type { Finding, Level, State } from './finding.ts'
import type { System } from './system.ts'

/** All checks in the order of the output, by their stable names. */
const CHECKS: Readonly<Record<string, (system: System) => State>> = {
  versions,
  kernel,
  driver,
  capabilities,
  offloads,
  'io-uring': ioUring,
  'socket-buffers': buffers,
  'open-files': descriptors,
  'user-namespaces': userNamespaces,
  ipv6,
  forwarding,
  'reverse-path-filter': reversePathFilter,
  firewall,
}

/** Returns what each check found. */
export function examine(system: System): Finding[] {
  return Object.entries(CHECKS).map(([check, find]) => ({ check, ...find(system) }))
}

/** Returns whether nothing prevents a tunnel. */
export function canStart(findings: readonly Finding[]): boolean {
  return findings.every(({ level }) => level !== 'problem')
}

const NAME_WIDTH = Math.max(...Object.keys(CHECKS).map((name) => name.length))
const LEVEL_WIDTH = 'problem'.length
const INDENT = ' '.repeat(LEVEL_WIDTH + NAME_WIDTH + 4)

/** Returns the findings for a person: two or three lines each, and a sum. */
export function formatFindings(findings: readonly Finding[]): string {
  const count = (level: Level) => findings.filter((finding) => finding.level === level).length
  const blocks = findings.map(({ check, level, found, meaning, advice }) => {
    const head = `${level.padEnd(LEVEL_WIDTH)}  ${check.padEnd(NAME_WIDTH)}  ${found}`
    return [
      head,
      `${INDENT}${meaning}`,
      ...(advice === undefined ? [] : [`${INDENT}To do: ${advice}`]),
    ]
  })
  const problems = count('problem')
  const sum =
    problems === 0
      ? 'A tunnel can be started.'
      : `A tunnel cannot be started before ${problems === 1 ? 'the problem is' : 'the problems are'} solved.`
  const counts = `${count('ok')} ok, ${plural(count('note'), 'note')}, ${plural(problems, 'problem')}`
  return `${blocks.flat().join('\n')}\n${counts}. ${sum}\n`
}

function plural(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? '' : 's'}`
}

/** Returns the findings as one JSON object on one line. */
export function toJson(findings: readonly Finding[]): string {
  return `${JSON.stringify({ canStart: canStart(findings), findings })}\n`
}
