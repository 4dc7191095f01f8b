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

test('docs/architecture.md: the tree of rooms has each folder of the sources, at its place', (t) => {
  const [, tree = ''] =
    /^## Rooms\n\n```\n(.*?)\n```/msu.exec(readFileSync(`${ROOT}docs/architecture.md`, 'utf8')) ??
    []
  const listed: string[] = []
  const above: string[] = []
  for (const [, indent = '', name = ''] of tree.matchAll(/^( *)([\w/]+)\//gmu)) {
    above.splice(indent.length / 2, Infinity, name)
    listed.push(above.join('/'))
  }
  const folders = execFileSync('git', ['ls-files', 'bin', 'lib', 'crate/core/src'], {
    cwd: ROOT,
    encoding: 'utf8',
  })
  const rooms = [
    ...folders.matchAll(/^lib\/\w+(?=\/)/gmu),
    ...folders.matchAll(/^bin\/tun2udp\/\w+(?=\/)/gmu),
    ...[...folders.matchAll(/^crate\/core\/src\/(?:relay\/)?\w+(?=\/)/gmu)],
  ].map(([room]) => room.replace('crate/core/src', 'crate/core'))
  // A group of files of one object, and not a room.
  const files = new Set(['crate/core/relay/handle'])
  const expected = [...new Set(rooms)].filter((room) => !files.has(room))
  t.true(expected.length > 25)
  t.deepEqual(
    expected.filter((room) => !listed.includes(room)),
    [],
  )
  t.deepEqual(
    listed
      .filter((room) => room.split('/').length > (room.startsWith('lib') ? 1 : 2))
      .filter((room) => !expected.includes(room)),
    [],
  )
})
