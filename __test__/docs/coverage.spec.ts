import { existsSync, readFileSync } from 'node:fs'
import test from 'ava'
import { blocksOf, parseBlocks } from '../support/docs/markdown.ts'
import { pages } from '../support/docs/pages.ts'
import { ROOT } from '../support/docs/root.ts'

for (const page of pages().filter((name) => blocksOf(name).length > 0)) {
  test(`${page}: a test takes its blocks`, (t) => {
    const spec = `__test__/docs/${page.replace(/^docs\//u, '').replace(/\.md$/u, '')}.spec.ts`
    t.true(existsSync(ROOT + spec), `${spec} is missing: it runs the blocks of ${page}`)
    t.true(readFileSync(ROOT + spec, 'utf8').includes(`pageTest('${page}'`))
  })
}

test('blocks are found', (t) => {
  const text = 'a\n```sh\nls\n```\n  ````ts {1}\n  ```\n  ````\n'
  t.deepEqual(parseBlocks('x.md', text), [
    { page: 'x.md', line: 2, language: 'sh', text: 'ls\n' },
    { page: 'x.md', line: 5, language: 'ts', text: '```\n' },
  ])
  t.throws(() => parseBlocks('x.md', '```sh\n'), { message: /x\.md:1: a fence that does not end/u })
})
