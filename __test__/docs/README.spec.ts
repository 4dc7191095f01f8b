import { execFileSync } from 'node:child_process'
import test from 'ava'
import { pageTest } from '../support/docs/page.ts'
import { ROOT } from '../support/docs/root.ts'
import { readme } from '../support/docs/walks/readme.ts'
import { isOpenToOthers } from '../support/skip.ts'

pageTest('README.md', async (t, page, start) => {
  if (!isOpenToOthers(t)) {
    page.skip()
    return
  }
  await readme(t, page, start)
})

test('the results in the README are those that were recorded', (t) => {
  t.notThrows(() =>
    execFileSync(process.execPath, ['scripts/readme-results.js', '--check'], { cwd: ROOT }),
  )
})
