/**
 * `node scripts/third-party.js [--check]`: writes THIRD-PARTY.md, the licences of the crates that are linked into the
 * addons; with `--check`, fails if the file is not what would be written.
 */
import { execFileSync } from 'node:child_process'
import { readFileSync, readdirSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'

const FILE = 'THIRD-PARTY.md'
const TARGETS = JSON.parse(readFileSync('package.json', 'utf8')).napi.targets

/** The packages that a target's addon links, by their identifiers: no build scripts, tests or macros. */
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

/** The texts that come with a crate; of several licences to choose from, all. */
function textsOf({ manifest_path: manifest }) {
  const folder = dirname(manifest)
  return readdirSync(folder)
    .filter((name) => /^(licen[cs]e|copying|notice|unlicense)/i.test(name))
    .toSorted()
    .map((name) =>
      readFileSync(join(folder, name), 'utf8')
        .replaceAll(/[ \t\r]+$/gm, '')
        .trim(),
    )
}

const crates = new Map(
  TARGETS.flatMap(linkedInto).map((one) => [`${one.name} ${one.version}`, one]),
)
const titles = [...crates.keys()].toSorted()
const holders = new Map()
for (const title of titles) {
  for (const text of textsOf(crates.get(title))) {
    holders.set(text, [...(holders.get(text) ?? []), title])
  }
}

const list = titles.map((title) => `- ${title}: ${crates.get(title).license}`)
const texts = [...holders].map(
  ([text, names]) => `## ${names.join(', ')}\n\n${'````'}text\n${text}\n${'````'}`,
)
const written = `# Third-party software

The native addons of tun2udp contain code of the crates below, of Rust's standard library (MIT OR Apache-2.0) and of
LLVM's libunwind (Apache-2.0 WITH LLVM-exception). This file is written by scripts/third-party.js.

${list.join('\n')}

The texts that come with them:

${texts.join('\n\n')}
`

if (!process.argv.includes('--check')) writeFileSync(FILE, written)
else if (readFileSync(FILE, 'utf8') !== written) {
  console.error(`${FILE} is not what Cargo.lock asks for: run node scripts/third-party.js`)
  process.exitCode = 1
}
