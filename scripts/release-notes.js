/** `node scripts/release-notes.js VERSION`: prints that version's section of CHANGELOG.md. */
import { readFileSync } from 'node:fs'

const [, , version] = process.argv
const sections = readFileSync('CHANGELOG.md', 'utf8').split(/^## /m)
const section = sections.find((text) => text.startsWith(`[${version}]`))
if (section === undefined) {
  console.error(`CHANGELOG.md has no section [${version}]: rename [Unreleased] before the tag`)
  process.exit(1)
}
console.log(section.slice(section.indexOf('\n')).trim())
