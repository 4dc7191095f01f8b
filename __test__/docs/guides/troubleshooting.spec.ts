import { readFileSync } from 'node:fs'
import test from 'ava'
import { Machine } from '../../support/docs/machine.ts'
import { pageTest } from '../../support/docs/page.ts'
import { ROOT } from '../../support/docs/root.ts'

const read = (path: string) => readFileSync(ROOT + path, 'utf8')
const matches = (text: string, pattern: RegExp) =>
  [...text.matchAll(pattern)].map(([, name]) => name ?? '')

test('every code has its section, in the order of the declaration', (t) => {
  const declared = matches(read('lib/errors.ts'), /^ {2}\| '(ERR_TUN_\w+)'$/gmu)
  t.true(declared.length > 20)
  t.deepEqual(matches(read('docs/guides/troubleshooting.md'), /^## (ERR_TUN_\w+)$/gmu), declared)
})

test('every code that the core gives is declared', (t) => {
  const declared = new Set(matches(read('lib/errors.ts'), /^ {2}\| '(ERR_TUN_\w+)'$/gmu))
  const given = matches(read('crate/core/src/error.rs'), /=> "(ERR_TUN_\w+)"/gu)
  t.true(given.length > 15)
  t.deepEqual(
    given.filter((code) => !declared.has(code)),
    [],
  )
})

pageTest('docs/guides/troubleshooting.md', async (t, page) => {
  const a = await Machine.start(t, 'a')
  await a.save(page.next('js'))
  t.regex(await a.shell('node caught.mjs'), /^ERR_TUN_UNKNOWN_HOST /u)
})
