/**
 * `node scripts/third-party.js [--check]`: writes THIRD-PARTY.md, the licences of the crates that are linked into the
 * addons, and of the npm packages that are bundled (scripts/bundle.js); with `--check`, fails if the file is not
 * current.
 */
import { readFileSync, readdirSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { linkedCrates } from './linked-crates.js'

const FILE = 'THIRD-PARTY.md'

/** Returns the licence texts in the folder of a crate or package; all of them if it offers a choice of licences. */
function textsOf(folder) {
  return readdirSync(folder)
    .filter((name) => /^(licen[cs]e|copying|notice|unlicense)/i.test(name))
    .toSorted()
    .map((name) =>
      readFileSync(join(folder, name), 'utf8')
        .replaceAll(/[ \t\r]+$/gm, '')
        .trim(),
    )
}

/** Returns the title, the licence and the folder of each npm package that is bundled. */
function bundledPackages() {
  const { dependencies } = JSON.parse(readFileSync('package.json', 'utf8'))
  return Object.keys(dependencies).map((name) => {
    const folder = join('node_modules', name)
    const { version, license } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'))
    return { title: `${name} ${version}`, license, folder }
  })
}

const crates = [...linkedCrates()]
  .map(([title, { license, manifest_path: manifest }]) => ({
    title,
    license,
    folder: dirname(manifest),
  }))
  .toSorted((a, b) => (a.title < b.title ? -1 : 1))
const packages = bundledPackages()
const holders = new Map()
for (const { title, folder } of [...crates, ...packages]) {
  for (const text of textsOf(folder)) holders.set(text, [...(holders.get(text) ?? []), title])
}

const listOf = (parts) => parts.map(({ title, license }) => `- ${title}: ${license}`).join('\n')
const texts = [...holders].map(
  ([text, names]) => `## ${names.join(', ')}\n\n${'````'}text\n${text}\n${'````'}`,
)
const written = `# Third-party software

The native addons of tun2udp contain code of the crates below, of Rust's standard library (MIT OR Apache-2.0) and of
LLVM's libunwind (Apache-2.0 WITH LLVM-exception). This file is written by scripts/third-party.js.

${listOf(crates)}

The JavaScript of tun2udp contains code of these npm packages:

${listOf(packages)}

The texts that come with them:

${texts.join('\n\n')}
`

if (!process.argv.includes('--check')) writeFileSync(FILE, written)
else if (readFileSync(FILE, 'utf8') !== written) {
  console.error(`${FILE} is not what Cargo.lock asks for: run node scripts/third-party.js`)
  process.exitCode = 1
}
