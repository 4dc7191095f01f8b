/**
 * Checks the tree as a whole: every spec is run, files are short, versions agree,
 * lock files name no registry.
 */
import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { matchesGlob } from './glob.js'

const MAX_LINES = 500
const problems = []
const files = execFileSync('git', ['ls-files', '-co', '--exclude-standard'], { encoding: 'utf8' })
  .trim()
  .split('\n')
const read = (path) => readFileSync(path, 'utf8')
const manifest = JSON.parse(read('package.json'))

for (const file of files.filter((path) => /\.(spec|test)\.[cm]?[jt]sx?$/.test(path))) {
  if (!manifest.ava.files.some((glob) => matchesGlob(file, glob))) {
    problems.push(
      `${file}: no test glob of package.json (${manifest.ava.files.join(', ')}) finds it`,
    )
  }
}

for (const file of files.filter((path) => /\.(rs|ts|mts|js|mjs|cjs|sh|c|h|go)$/.test(path))) {
  const lines = read(file).split('\n').length - 1
  if (lines > MAX_LINES) problems.push(`${file}: ${lines} lines; split it (at most ${MAX_LINES})`)
}

const cargoVersion = /^\[workspace\.package\]\nversion = "([^"]+)"/m.exec(read('Cargo.toml'))?.[1]
if (cargoVersion !== manifest.version) {
  problems.push(`Cargo.toml says version ${cargoVersion}, package.json ${manifest.version}`)
}
for (const file of files.filter((path) => /^npm\/[^/]+\/package\.json$/.test(path))) {
  const { version } = JSON.parse(read(file))
  if (version !== manifest.version) {
    problems.push(`${file} says version ${version}, package.json ${manifest.version}`)
  }
}

if (/"resolved": "http/.test(read('package-lock.json'))) {
  problems.push('package-lock.json names a registry: npm i --omit-lockfile-registry-resolved')
}
for (const file of files.filter((path) => /(^|\/)Cargo\.lock$/.test(path))) {
  const sources = new Set(read(file).match(/^source = ".*"$/gm))
  sources.delete('source = "registry+https://github.com/rust-lang/crates.io-index"')
  for (const source of sources) problems.push(`${file}: unexpected ${source}`)
}

for (const problem of problems) console.error(problem)
process.exit(problems.length === 0 ? 0 : 1)
