import { spawn } from 'node:child_process'
import { readFileSync, readdirSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import test from 'ava'
import { Running, cleanEnvironment } from './support/program.ts'
import { hasTools, rootTest } from './support/skip.ts'

const ROOT = fileURLToPath(new URL('../', import.meta.url))

rootTest('the demo shows a ping and a transfer, which its hosts make', async (t) => {
  if (!hasTools(t, 'unshare')) return
  const args = ['--import', '@oxc-node/core/register', 'examples/demo/demo.ts', '1']
  const options = { cwd: ROOT, env: cleanEnvironment() }
  const child = spawn(process.execPath, args, { ...options, stdio: ['ignore', 'pipe', 'pipe'] })
  const { status, stdout, stderr } = await new Running(child).ended
  t.is(status, 0, stderr)
  t.regex(stdout, /^ping +\d+ µs[^]+^TCP +\d+\.\d+ Gbit\/s/mu)
  // The figures come from processes of traffic.ts, which host.ts starts.
  t.deepEqual(readdirSync(`${ROOT}examples/demo`).sort(), ['demo.ts', 'host.ts', 'traffic.ts'])
})

test('every folder of the examples is run here, and each file beside them by netns/examples.spec.ts', (t) => {
  const entries = readdirSync(`${ROOT}examples`, { withFileTypes: true })
  const folders = entries.filter((entry) => entry.isDirectory()).map(({ name }) => name)
  t.deepEqual(folders, ['demo'])
  const tests = readFileSync(`${ROOT}__test__/netns/examples.spec.ts`, 'utf8')
  for (const { name } of entries.filter((entry) => entry.isFile()))
    t.true(tests.includes(`, '${name}'`), name)
})
