import { execFileSync } from 'node:child_process'
import { pageTest } from '../../support/docs/page.ts'
import { ROOT } from '../../support/docs/root.ts'

pageTest('bench/README.md', (t, page) => {
  const commands = page.shown('sh', 'the race takes minutes; __test__/bench has its tests')
  const more = page.shown('sh', 'the same, and it takes a second clone')
  const hub = page.shown('sh', 'it takes minutes too')
  const command = ['--import', '@oxc-node/core/register', 'bench/bench.ts', '--help']
  const help = execFileSync(process.execPath, command, { cwd: ROOT, encoding: 'utf8' })
  const named = [...(commands + more + hub).matchAll(/--[a-z]+(?= )/gu)].map(([option]) => option)
  for (const option of named.filter((name) => name !== '--no'))
    t.true(help.includes(option), option)
  page.shown('', 'a picture')
  page.shown('', 'a picture of the routed path')
})
