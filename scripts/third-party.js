/**
 * `node scripts/third-party.js [--check]`: writes THIRD-PARTY.md, the licences of the crates that are linked into the
 * addons; with `--check`, fails if the file is not current.
 */
import { readFileSync, readdirSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { linkedCrates } from './linked-crates.js'

const FILE = 'THIRD-PARTY.md'

/** Returns the licence texts of a crate; all of them if it offers a choice of licences. */
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

const crates = linkedCrates()
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
