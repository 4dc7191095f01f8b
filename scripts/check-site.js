/**
 * Checks that every link within the built site leads to an existing page or file, and to an existing anchor on the page,
 * that each page has a title of its own, and that the search has no licence pages. VitePress itself checks only links to
 * pages.
 */
import { existsSync, readFileSync, readdirSync, statSync } from 'node:fs'
import { posix } from 'node:path'
import { argv } from 'node:process'

const [, , site = 'target/site', base = process.env.DOCS_BASE ?? '/'] = argv
const pages = readdirSync(site, { recursive: true }).filter((path) => path.endsWith('.html'))
const texts = new Map(pages.map((page) => [page, readFileSync(`${site}/${page}`, 'utf8')]))
const ids = new Map(
  [...texts].map(([page, text]) => [
    page,
    new Set([...text.matchAll(/ id="([^"]+)"/g)].map(([, id]) => id)),
  ]),
)

const isFile = (path) => existsSync(`${site}/${path}`) && statSync(`${site}/${path}`).isFile()

/** Returns the file that is served for a path of the site. */
function fileOf(path) {
  const candidates = [path, `${path}.html`, posix.join(path, 'index.html')]
  return candidates.map((name) => name.replace(/^\//, '')).find(isFile)
}

const problems = []
let checked = 0
for (const [page, text] of texts) {
  for (const [, , raw] of text.matchAll(/ (href|src|srcset)="([^"]*)"/g)) {
    const link = raw.replaceAll('&amp;', '&')
    if (/^([a-z]+:|\/\/)/.test(link)) continue
    checked += 1
    const [before = '', fragment] = link.split('#')
    const path = before.startsWith(base)
      ? `/${before.slice(base.length)}`
      : posix.join('/', posix.dirname(page), before)
    const file = before === '' ? page : fileOf(decodeURI(path))
    if (file === undefined) problems.push(`${page}: ${link} leads nowhere`)
    else if (fragment && ids.has(file) && !ids.get(file).has(decodeURIComponent(fragment))) {
      problems.push(`${page}: ${file} has no #${fragment}`)
    }
  }
}
if (checked === 0) problems.push(`${site}: no link was found`)

const faults = []
const titled = new Map()
for (const [page, text] of texts) {
  const [, title] = /<title>([^<]*)<\/title>/.exec(text) ?? []
  if (title === undefined) continue
  if (titled.has(title)) faults.push(`${titled.get(title)} and ${page} have the title ${title}`)
  titled.set(title, page)
}
const searched = readdirSync(site, { recursive: true }).filter((path) =>
  path.includes('localSearchIndex'),
)
for (const path of searched) {
  if (readFileSync(`${site}/${path}`, 'utf8').includes('THIRD-PARTY')) {
    faults.push(`${path}: the search has the licence page`)
  }
}

for (const problem of new Set([...problems, ...faults])) console.error(problem)
console.error(`${checked} links of ${texts.size} pages: ${problems.length} lead nowhere`)
process.exit(problems.length + faults.length === 0 ? 0 : 1)
