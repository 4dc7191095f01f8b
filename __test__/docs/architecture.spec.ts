import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import test from 'ava'
import { pageTest } from '../support/docs/page.ts'
import { ROOT } from '../support/docs/root.ts'

pageTest('docs/architecture.md', (_t, page) => {
  page.shown('', 'the list of rooms; __test__/architecture.spec.ts has their rules')
  page.shown('', 'a picture')
})

for (const page of ['docs/architecture.md', 'CONTRIBUTING.md']) {
  test(`${page}: paths of the tree that it names exist`, (t) => {
    const text = readFileSync(ROOT + page, 'utf8')
    const named = [...text.matchAll(/`((?:bench|bin|crate|lib|scripts|__test__|docs)\/[\w./-]+)/gu)]
    // `TARGET` at the end stands for a name.
    const paths = named.map(([, path]) => path?.replace(/(?:\/[A-Z]+|[./])$/u, '') ?? '')
    t.true(paths.length > 15)
    const files = execFileSync('git', ['ls-files', '-co', '--exclude-standard'], {
      cwd: ROOT,
      encoding: 'utf8',
    }).split('\n')
    const missing = paths.filter(
      (path) => !files.some((file) => file === path || file.startsWith(`${path}/`)),
    )
    t.deepEqual(missing, [])
  })
}
