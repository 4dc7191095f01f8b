/** The crates that are linked into the addons, as `cargo metadata` describes them. */
import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'

/** Returns the packages that a target's addon links, by identifier, without build scripts, tests and macros. */
function linkedInto(target) {
  const { packages, resolve } = JSON.parse(
    execFileSync(
      'cargo',
      ['metadata', '--format-version', '1', '--locked', '--filter-platform', target],
      { encoding: 'utf8', maxBuffer: 1 << 28 },
    ),
  )
  const byId = new Map(packages.map((one) => [one.id, one]))
  const nodes = new Map(resolve.nodes.map((node) => [node.id, node]))
  const linked = new Map()
  const visit = (id) => {
    const one = byId.get(id)
    if (linked.has(id) || one.targets.some(({ kind }) => kind.includes('proc-macro'))) return
    linked.set(id, one)
    for (const { pkg, dep_kinds: kinds } of nodes.get(id).deps) {
      if (kinds.some(({ kind }) => kind === null)) visit(pkg)
    }
  }
  visit(resolve.root)
  return [...linked.values()].filter(({ source }) => source !== null)
}

/** Returns the packages of all targets, sorted by `name version`. */
export function linkedCrates() {
  const { targets } = JSON.parse(readFileSync('package.json', 'utf8')).napi
  const linked = targets.flatMap(linkedInto).map((one) => [`${one.name} ${one.version}`, one])
  return new Map(linked.toSorted(([left], [right]) => (left < right ? -1 : 1)))
}
