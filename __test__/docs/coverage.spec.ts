import { spawnSync } from 'node:child_process'
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

/** Pages that show programs, and the first line on which a program imports the package. */
const USES = pages().flatMap((page) => {
  const first = blocksOf(page).find(({ text }) => /^import .* from 'tun2udp'$/mu.test(text))
  return first === undefined ? [] : [{ page, line: first.line }]
})

test('a page says how to install the library before it uses it', (t) => {
  t.true(USES.length > 8)
  for (const { page, line } of USES) {
    const before = readFileSync(ROOT + page, 'utf8')
      .split('\n')
      .slice(0, line)
      .join('\n')
    t.true(before.includes('npm install tun2udp'), page)
  }
})

test('the JavaScript of all pages is that of the oldest Node', (t) => {
  const blocks = pages().flatMap((page) => blocksOf(page).filter((one) => one.language === 'js'))
  t.true(blocks.length > 15)
  for (const { page, line, text } of blocks) {
    // This Node may be newer than the oldest one; TypeScript users write `using` by habit.
    t.notRegex(text, /^\s*(?:await )?using \w/mu, `${page}:${line}`)
    const result = spawnSync(process.execPath, ['--input-type=module', '--check', '-'], {
      input: text,
      encoding: 'utf8',
    })
    t.is(result.status, 0, `${page}:${line}: ${result.stderr}`)
  }
})

test('blocks are found', (t) => {
  const text = 'a\n```sh\nls\n```\n  ````ts {1}\n  ```\n  ````\n'
  t.deepEqual(parseBlocks('x.md', text), [
    { page: 'x.md', line: 2, language: 'sh', text: 'ls\n' },
    { page: 'x.md', line: 5, language: 'ts', text: '```\n' },
  ])
  t.throws(() => parseBlocks('x.md', '```sh\n'), { message: /x\.md:1: a fence that does not end/u })
})
